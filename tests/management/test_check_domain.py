"""`manage.py check_domain`: one table a domain, in 80 columns, and an exit code for scripts."""

import ssl
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
import trustme
from django.core.management import CommandError, call_command
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from mailer.management.connections import check_tls, why_out_of_reach
from mailer.models import RecipientList
from mailer.sending.signatures import load_keys
from tests.fake_dns import FakeDns
from tests.fake_relay import FakeRelay
from tests.insight.test_domain import GOOD
from tests.keys import key_file

pytestmark = pytest.mark.django_db


@pytest.fixture
def server() -> Iterator[FakeDns]:
    """A zone in which all is right but DKIM."""
    with FakeDns({name: rows for name, rows in GOOD.items() if "domainkey" not in name}) as made:
        yield made


@pytest.fixture
def names(settings: Settings, tmp_path: Path) -> dict[str, str]:
    """Two keys, and bounces to a domain below."""
    settings.BOUNCE_ADDRESS = "bounces@bounce.example.org"
    settings.DKIM_KEYS = {f"{kind}._domainkey.example.org": key_file(tmp_path, kind) for kind in ("rsa", "ed25519")}
    return dict(settings.DKIM_KEYS)


def run(server: FakeDns, *arguments: str) -> tuple[str, str]:
    """What it prints, and what it ends with."""
    out = StringIO()
    try:
        call_command("check_domain", *arguments, "--nameserver", f"127.0.0.1:{server.port}", stdout=out)
    except CommandError as error:
        return out.getvalue(), str(error)
    return out.getvalue(), ""


def publish(server: FakeDns, printed: str) -> None:
    """Add the records that it printed, as somebody would who copies them."""
    lines = printed.splitlines()
    for at, line in enumerate(lines):
        if line.endswith(". TXT ("):
            strings = lines[at + 1 : lines.index("          )", at)]
            server.zone[line.strip().removesuffix(" (").replace(". ", " ")] = [" ".join(map(str.strip, strings))]


def test_what_is_missing_is_printed_to_be_copied_and_then_all_is_right(
    server: FakeDns, relay: FakeRelay, names: dict[str, str]
):
    printed, error = run(server, "example.org", "--ip", "192.0.2.7")
    assert error == "2 of these are missing or could not be asked."
    assert printed.startswith("Mail from …@example.org, bounces to …@bounce.example.org\n")
    assert max(map(len, printed.splitlines())) < 80
    publish(server, printed)
    printed, error = run(server, "example.org", "--ip", "192.0.2.7")
    assert error == ""
    states = [line[:10].strip() for line in printed.splitlines() if line[:1].strip()]
    assert states[1:] == ["ok"] * 10
    assert all(key.public not in printed for key in load_keys(tuple(names.items())))


def test_a_domain_without_anything_fits_the_screen_too(server: FakeDns, relay: FakeRelay, names: dict[str, str]):
    server.zone.clear()
    printed, error = run(server, "example.org", "--ip", "192.0.2.7")
    assert error.startswith("6 of these")
    assert max(map(len, printed.splitlines())) < 80


def test_without_a_domain_it_looks_at_all_that_mails_are_from(server: FakeDns, relay: FakeRelay):
    RecipientList.objects.create(slug="a", name="A", from_email="a@lists.example.net")
    RecipientList.objects.create(slug="b", name="B")
    printed, _ = run(server)
    assert [line.split(",")[0] for line in printed.splitlines() if line.startswith("Mail from")] == [
        "Mail from …@example.org",
        "Mail from …@lists.example.net",
    ]


def test_wrong_arguments_are_one_sentence(server: FakeDns, relay: FakeRelay, names: dict[str, str], tmp_path: Path):
    assert "--ip 'x' is no address" in run(server, "--ip", "x")[1]
    Path(names["rsa._domainkey.example.org"]).unlink()
    load_keys.cache_clear()
    assert "rsa.pem" in run(server)[1]


@pytest.mark.parametrize(
    ("tls", "extensions", "state"),
    [
        ("none", (), "ok"),  # on this machine
        ("none", ("STARTTLS",), "warn"),
        ("starttls", ("STARTTLS",), "ok"),
        ("starttls", (), "missing"),
    ],
)
def test_the_mail_servers_tls_is_tried(
    relay: FakeRelay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tls: str, extensions: tuple[str, ...], state: str
):
    authority, relay.extensions = trustme.CA(), extensions
    relay.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(relay.tls)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    assert check_tls(relay.address(host="localhost", tls=tls)).state == state


def test_a_certificate_that_nobody_vouches_for_is_missing(relay: FakeRelay):
    relay.extensions, relay.tls = ("STARTTLS",), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("localhost").configure_cert(relay.tls)
    found = check_tls(relay.address(host="localhost", tls="starttls"))
    assert (found.state, "certificate" in found.found) == ("missing", True)


def test_one_click_wants_https(server: FakeDns, relay: FakeRelay, settings: Settings):
    assert "One-click" in run(server, "example.org")[0]
    settings.SITE_URL = "http://post.example.org"
    printed, _ = run(server, "example.org")
    assert "missing   One-click" in printed


@pytest.mark.django_db(transaction=True)
def test_the_page_behind_one_click_is_called(live_server: LiveServer):
    assert why_out_of_reach(f"{live_server.url}/u/nobody") == ""
    assert why_out_of_reach(f"{live_server.url}/") == "the answer is 403 Forbidden"
    assert "no answer" in why_out_of_reach("http://127.0.0.1:1/u/nobody")
