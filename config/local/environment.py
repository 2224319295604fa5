"""The settings of a local run: what you gave, and for the rest values that work without asking."""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from dotenv import dotenv_values

BASE_DIR = Path(__file__).resolve().parents[2]
SECRET_SIZES = {"SECRET_KEY": 48, "ADMIN_PASSWORD": 9, "VALKEY_PASSWORD": 32}  #: in bytes, before encoding


def read_given() -> dict[str, str]:
    """What is set, and not empty, in the process's environment or else in the repo's `.env`."""
    found = {**dotenv_values(BASE_DIR / ".env"), **os.environ}
    return {name: value for name, value in found.items() if value}


def make_var(given: Mapping[str, str]) -> Path:
    """The folder for everything a local run keeps, readable by its owner only."""
    var = Path(given.get("VAR_DIR") or BASE_DIR / "var").resolve()
    try:
        for folder in (var, var / "log", var / "inbox", var / "valkey"):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        var.chmod(0o700)
    except OSError as error:
        raise SystemExit(f"The folder for local data cannot be used: {error}") from error
    return var


def keep_secrets(given: Mapping[str, str], var: Path) -> dict[str, str]:
    """The secrets that were given, or those of the last run, or new ones."""
    kept = {**dotenv_values(var / "local.env"), **given}
    return {name: kept.get(name) or secrets.token_urlsafe(size) for name, size in SECRET_SIZES.items()}


def compose(given: Mapping[str, str], var: Path, port: int, services: Mapping[str, str]) -> dict[str, str]:
    """Every setting of this run; `services` holds the URLs and secrets of what we started ourselves."""
    defaults = {
        "ALLOWED_HOSTS": "localhost,127.0.0.1,[::1]",
        "HTTPS": "false",
        "SITE_URL": f"http://localhost:{port}",
        "DEFAULT_FROM_EMAIL": "post@example.com",
        "DATABASE_URL": f"sqlite:///{quote(str(var / 'db.sqlite3'))}",
        "WEB_CONCURRENCY": "1",
        "LOCAL_INBOX": "",
    }
    chosen = {name: given.get(name, value) for name, value in defaults.items()}
    return {**chosen, **services, "VAR_DIR": str(var), "PORT": str(port), "WEB_BIND": f"127.0.0.1:{port}"}


def write(values: Mapping[str, str], var: Path) -> None:
    """Keep the settings in `var/local.env`, so that `manage.py` in another shell finds what runs here."""
    lines = ["# Written by `make run`; read by config/settings.py when SECRET_KEY is not set otherwise."]
    lines += [f"{name}={_quoted(value)}" for name, value in sorted(values.items())]
    draft = var / "local.env.new"
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write("\n".join(lines) + "\n")
    draft.replace(var / "local.env")


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
