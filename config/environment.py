"""Reads the environment once, for config/settings.py, and says in one sentence what is wrong with it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit
from zoneinfo import available_timezones

from environs import Env, EnvValidationError

BASE_DIR = Path(__file__).resolve().parent.parent
TLS_BY_SCHEME = {"smtp": "none", "smtp+tls": "starttls", "smtps": "implicit"}
PORT_BY_SCHEME = {"smtp": 25, "smtp+tls": 587, "smtps": 465}
MAILBOX_SCHEMES = {"imap": ("none", 143), "imap+tls": ("starttls", 143), "imaps": ("implicit", 993)}
BOUNCE_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
#: What a bounce address has before the @, so that with a delivery's token it stays within RFC 5321's 64 characters.
BOUNCE_LOCAL_PART = re.compile(r"[a-z0-9_-]{1,22}")


@dataclass(frozen=True)
class Relay:
    """The mail server that takes our mails: where it is and how to speak to it."""

    host: str
    port: int
    user: str
    password: str
    tls: str  #: "none", "starttls" (RFC 3207) or "implicit" (RFC 8314)
    connections: int  #: open at once in one worker process
    mails_per_connection: int = 0  #: after so many a connection is closed and another opened; 0: never


@dataclass(frozen=True)
class Mailbox:
    """An IMAP mailbox: where it is and how to open it."""

    host: str
    port: int
    user: str
    password: str
    tls: str  #: "none", "starttls" or "implicit" (RFC 8314)
    folder: str


def read_environment() -> Env:
    """The process's environment, completed by `.env` or else by what `make run` wrote to `var/local.env`."""
    env = Env(eager=False)
    env.read_env(str(BASE_DIR / ".env"), recurse=False)
    if not env.str("SECRET_KEY", ""):
        local = Path(env.str("VAR_DIR", "") or BASE_DIR / "var") / "local.env"
        env.read_env(str(local), recurse=False)
    return env


def parse_relay(url: str, connections: int = 4, mails_per_connection: int = 0) -> Relay:
    """An EMAIL_URL such as `smtp+tls://user:password@mail.example.com:587` as a Relay.

    Raises ValueError, with the reason, for any other scheme or without a host.
    """
    parts = urlsplit(url)
    if parts.scheme not in TLS_BY_SCHEME:
        known = ", ".join(f"{scheme}://" for scheme in TLS_BY_SCHEME)
        raise ValueError(f"EMAIL_URL begins with {parts.scheme or 'nothing'}://; known are {known}")
    if not parts.hostname:
        raise ValueError("EMAIL_URL names no host")
    return Relay(
        host=parts.hostname,
        port=parts.port or PORT_BY_SCHEME[parts.scheme],
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        tls=TLS_BY_SCHEME[parts.scheme],
        connections=connections,
        mails_per_connection=mails_per_connection,
    )


def parse_dkim_keys(text: str) -> dict[str, str]:
    """The files of DKIM keys by the names of their records: `s1._domainkey.example.org=/etc/post/s1.pem`, and more.

    Raises ValueError for an entry of another form.
    """
    keys = {}
    for entry in filter(None, map(str.strip, text.split(","))):
        name, _, path = (part.strip() for part in entry.partition("="))
        selector, _, domain = name.lower().partition("._domainkey.")
        if not (selector and "." in domain and path and name.isascii()):
            raise ValueError(f"DKIM_KEYS names {entry!r}; an entry is s1._domainkey.example.org=/path/to/key.pem")
        keys[name.lower()] = path
    return keys


def anymail_settings(secret: str, signing_key: str) -> dict[str, str]:
    """What django-anymail checks the calls of a provider by, under the names that it knows."""
    return {
        "WEBHOOK_SECRET": secret,
        "MAILGUN_WEBHOOK_SIGNING_KEY": signing_key,
        "SENDGRID_TRACKING_WEBHOOK_VERIFICATION_KEY": signing_key,
    }


def parse_only_to(text: str | None) -> tuple[str, ...] | None:
    """The domains and addresses that the staging guard lets mail out to; None if there is no guard.

    A setting that is there and empty is a guard that lets nothing out.
    """
    if text is None:
        return None
    return tuple(entry for part in text.split(",") if (entry := part.strip().lower()))


def parse_bounce_address(text: str) -> str:
    """A BOUNCE_ADDRESS such as `bounces@bounce.example.org` in lower case; empty if there is none.

    Raises ValueError, with the reason.
    """
    address = text.strip().lower()
    local, at, domain = address.rpartition("@")
    if address and (not BOUNCE_LOCAL_PART.fullmatch(local) or not at or not BOUNCE_DOMAIN.fullmatch(domain)):
        raise ValueError(
            f"BOUNCE_ADDRESS {text!r} is not of the form bounces@bounce.example.org: at most 22 plain letters and "
            "digits before the @, because a delivery's token is added to them"
        )
    return address


def parse_mailbox(url: str) -> Mailbox | None:
    """A BOUNCE_MAILBOX such as `imaps://user:password@imap.example.org/INBOX`; None if there is none.

    Raises ValueError, with the reason and without the password.
    """
    if not url:
        return None
    parts = urlsplit(url)
    if parts.scheme not in MAILBOX_SCHEMES or not parts.hostname or not parts.username:
        known = ", ".join(f"{scheme}://" for scheme in MAILBOX_SCHEMES)
        raise ValueError(f"BOUNCE_MAILBOX is not of the form imaps://user:password@host/folder; known are {known}")
    tls, port = MAILBOX_SCHEMES[parts.scheme]
    return Mailbox(
        host=parts.hostname,
        port=parts.port or port,
        user=unquote(parts.username),
        password=unquote(parts.password or ""),
        tls=tls,
        folder=unquote(parts.path.strip("/")) or "INBOX",
    )


def check_environment(env: Env, production: dict[str, object], time_zone: str) -> None:
    """Stop the start with one sentence if a value is wrong or one that production needs is missing."""
    problems = [f"{name} is not set" for name, value in production.items() if not value]
    if time_zone not in available_timezones():
        problems.append(f"PROJECT_TIME_ZONE {time_zone!r} is not a time zone such as Europe/Berlin")
    try:
        env.seal()
    except EnvValidationError as error:
        messages = error.error_messages if isinstance(error.error_messages, Mapping) else {}
        problems += [f"{name}: {' '.join(map(str, reasons))}" for name, reasons in messages.items()]
    if problems:
        raise SystemExit(
            f"Afternoon Post cannot start: {'; '.join(problems)}. "
            "Run `make run` for a local start, or copy .env.example to .env and fill it in."
        )
