"""Reads what the catcher stored. Mails never change, so what was read once is kept."""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import default as modern
from functools import lru_cache
from pathlib import Path

NAME = r"\d{8}T\d{6}\.\d{6}Z-\d{6,9}"
TIME_FORMAT = "%Y%m%dT%H%M%S.%fZ"
# Parsing a header the proper way costs a millisecond; a list needs four fields of each mail.
FIELD = re.compile(rb"^(Subject|From|X-Envelope-To):[ \t]*(.*(?:\r?\n[ \t].*)*)", re.MULTILINE | re.IGNORECASE)
HEAD_BYTES = 16384


@dataclass(frozen=True)
class Entry:
    """A mail as a line in the list."""

    name: str
    received: datetime
    subject: str
    sender: str
    to: str

    def mentions(self, words: str) -> bool:
        """Whether the subject or an address contains this."""
        return words.casefold() in f"{self.subject}\n{self.to}\n{self.sender}".casefold()


@dataclass(frozen=True)
class Parts:
    """A mail as its reader sees it."""

    html: str
    text: str
    headers: list[tuple[str, str]]


def names(folder: Path) -> list[str]:
    """All mails, newest first: their names begin with the time they came."""
    try:
        with os.scandir(folder) as files:
            found = [file.name[:-4] for file in files if file.name.endswith(".eml")]
    except FileNotFoundError:
        return []
    return sorted(found, reverse=True)


def entries(folder: Path, chosen: Iterable[str]) -> list[Entry]:
    """The lines of the list for these mails."""
    return [_entry(folder, name) for name in chosen if re.fullmatch(NAME, name)]


def search(folder: Path, words: str) -> list[Entry]:
    """The mails whose subject or address contains this, newest first."""
    return [entry for entry in entries(folder, names(folder)) if entry.mentions(words)]


def source(folder: Path, name: str) -> bytes | None:
    """The mail as it was stored, or None if there is none of this name."""
    if not re.fullmatch(NAME, name, re.ASCII):
        return None
    try:
        return (folder / f"{name}.eml").read_bytes()
    except FileNotFoundError:
        return None


def parse(raw: bytes) -> Parts:
    """The bodies and headers of a mail."""
    message = message_from_bytes(raw, _class=EmailMessage, policy=modern)
    headers = [(name, " ".join(str(value).split())) for name, value in message.items()]
    return Parts(html=_body(message, "html"), text=_body(message, "plain"), headers=headers)


@lru_cache(maxsize=20_000)
def _entry(folder: Path, name: str) -> Entry:
    with (folder / f"{name}.eml").open("rb") as file:
        head, *_ = re.split(rb"\r?\n\r?\n", file.read(HEAD_BYTES), maxsplit=1)
    fields = {key.lower(): _decode(value) for key, value in reversed(FIELD.findall(head))}
    received = datetime.strptime(name.partition("-")[0], TIME_FORMAT).replace(tzinfo=UTC)
    return Entry(name, received, fields.get(b"subject", ""), fields.get(b"from", ""), fields.get(b"x-envelope-to", ""))


def _decode(value: bytes) -> str:
    text = " ".join(value.decode(errors="replace").split())
    try:
        return str(make_header(decode_header(text)))
    except (HeaderParseError, LookupError, UnicodeDecodeError):
        return text


def _body(message: EmailMessage, subtype: str) -> str:
    part = message.get_body((subtype,))
    if part is None:
        return ""
    try:
        return str(part.get_content(errors="replace"))
    except LookupError:  # an unknown character set
        return part.as_string()
