"""Settings from the environment: safe, complete, and plain about what is wrong."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from config.environment import Mailbox, parse_mailbox, parse_relay

ROOT = Path(__file__).resolve().parent.parent
PRODUCTION = {"SECRET_KEY": "x9!" * 20 + "abcdefghij", "ALLOWED_HOSTS": "post.example.org"}


def manage(environment: dict[str, str], tmp_path: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT, env=kept | {"VAR_DIR": str(tmp_path)} | environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_the_deployment_check_is_clean_in_production(tmp_path: Path):
    done = manage(PRODUCTION, tmp_path, "check", "--deploy", "--fail-level", "INFO")
    assert (done.returncode, done.stdout.strip()) == (0, "System check identified no issues (0 silenced).")


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({}, "Afternoon Post cannot start: SECRET_KEY is not set; ALLOWED_HOSTS is not set."),
        ({"SECRET_KEY": "x"}, "Afternoon Post cannot start: ALLOWED_HOSTS is not set."),
        (PRODUCTION | {"HTTPS": "perhaps", "EMAIL_TIMEOUT": "soon"}, "Afternoon Post cannot start: HTTPS:"),
        (
            PRODUCTION | {"LOG_FORMAT": "xml"},
            "Afternoon Post cannot start: LOG_FORMAT is 'xml'; known are text and json.",
        ),
        (PRODUCTION | {"SENTRY_DSN": "nonsense"}, "Afternoon Post cannot start: SENTRY_DSN is not of the form"),
        (PRODUCTION | {"EMAIL_URL": "http://x"}, "Afternoon Post cannot start: EMAIL_URL begins with http://"),
        (PRODUCTION | {"BOUNCE_ADDRESS": "b+x@y"}, "Afternoon Post cannot start: BOUNCE_ADDRESS 'b+x@y' is not of"),
        (PRODUCTION | {"BOUNCE_MAILBOX": "pop3://x"}, "Afternoon Post cannot start: BOUNCE_MAILBOX is not of the form"),
        (PRODUCTION | {"CELERY_BROKER_URL": "memory://"}, "Afternoon Post cannot start: CELERY_BROKER_URL begins with"),
        (PRODUCTION | {"PROJECT_TIME_ZONE": "Mars/Base"}, "Afternoon Post cannot start: PROJECT_TIME_ZONE 'Mars/Base'"),
    ],
)
def test_what_is_missing_or_wrong_stops_the_start_with_one_sentence(
    tmp_path: Path, environment: dict[str, str], sentence: str
):
    if (ROOT / ".env").exists():
        pytest.skip("this checkout has an .env of its own")
    done = manage(environment, tmp_path, "check")
    assert done.returncode == 1
    assert done.stderr.startswith(sentence)
    assert "Traceback" not in done.stderr


def test_every_setting_is_named_in_the_example():
    named = set(re.findall(r"(?m)^(?:# )?([A-Z_]+)=", (ROOT / ".env.example").read_text(encoding="utf-8")))
    sources = [*(ROOT / "config").rglob("*.py"), *(ROOT / "mailer").rglob("*.py"), ROOT / "Procfile"]
    text = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    read = set(re.findall(r'env\.\w+\("([A-Z_]+)"', text)) | set(re.findall(r"\$\{([A-Z_]+):-", text))
    assert read - named == set()
    assert named - read - {"ADMIN_PASSWORD", "PORT"} == set()


def test_a_relays_url_is_read_whole():
    relay = parse_relay("smtp+tls://post%40example.org:p%3Aw@mail.example.org")
    assert (relay.host, relay.port, relay.tls) == ("mail.example.org", 587, "starttls")
    assert (relay.user, relay.password) == ("post@example.org", "p:w")
    assert parse_relay("smtps://mail.example.org").port == 465
    assert parse_relay("smtp://[::1]:2525").host == "::1"
    for wrong in ("http://x", "smtp://", "mail.example.org"):
        with pytest.raises(ValueError, match="EMAIL_URL"):
            parse_relay(wrong)


def test_a_mailboxs_url_is_read_whole():
    found = parse_mailbox("imaps://post%40example.org:p%3Aw@imap.example.org/Bounces%2FToday")
    assert found == Mailbox("imap.example.org", 993, "post@example.org", "p:w", "implicit", "Bounces/Today")
    assert parse_mailbox("imap+tls://u:p@imap.example.org") == Mailbox(
        "imap.example.org", 143, "u", "p", "starttls", "INBOX"
    )
    assert parse_mailbox("") is None
