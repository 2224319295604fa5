"""SMTP's commands and replies as bytes (RFC 5321 sections 4.1 and 4.2)."""

import re
from typing import NamedTuple


class Envelope(NamedTuple):
    """A mail ready to go: reverse-path, forward-path, and the mail as it goes after DATA, with its final dot."""

    delivery_id: int
    sender: str
    recipient: str
    data: bytes


class Answer(NamedTuple):
    """A complete reply; the lines of a longer one are joined."""

    code: int
    text: str


#: What a server that is content says to a body, and to the MAIL, RCPT and DATA that came with it.
CONTENT = re.compile(rb"(2\d\d)(?: ([^\r\n]*))?\r\n250(?: [^\r\n]*)?\r\n25[01](?: [^\r\n]*)?\r\n354(?: [^\r\n]*)?\r\n")
#: After RCPT.
DATA = b"DATA\r\n"
_MAIL, _RCPT = "MAIL FROM:<%s>%s\r\n", "RCPT TO:<%s>\r\n"
_GROUP = _MAIL + _RCPT + DATA.decode()
_BODY = {True: " BODY=8BITMIME", False: ""}


def mail_command(envelope: Envelope, eight_bit: bool) -> bytes:
    """MAIL, with RFC 6152's BODY where the server offers it."""
    return (_MAIL % (envelope.sender, _BODY[eight_bit])).encode("ascii")


def rcpt_command(envelope: Envelope) -> bytes:
    """RCPT."""
    return (_RCPT % envelope.recipient).encode("ascii")


def grouped_commands(envelope: Envelope, eight_bit: bool) -> bytes:
    """MAIL, RCPT and DATA, as they travel together where the server offers PIPELINING (RFC 2920)."""
    return (_GROUP % (envelope.sender, _BODY[eight_bit], envelope.recipient)).encode("ascii")


def data_block(message: bytes) -> bytes:
    """The message with its leading dots doubled and the final dot (RFC 5321 section 4.5.2)."""
    if message.startswith(b"."):
        message = b"." + message
    message = message.replace(b"\r\n.", b"\r\n..")
    return message + (b".\r\n" if message.endswith(b"\r\n") else b"\r\n.\r\n")


def words_of(answer: bytes) -> str:
    """What the server said; what is no text, or can be in no database, is replaced."""
    return answer.decode("utf-8", "replace").replace("\x00", "\ufffd")


def read_answer(received: bytes) -> tuple[Answer | None, bytes]:
    """The first complete reply and what follows it; None and all of it while it is not all there.

    Raises ValueError for what is no SMTP reply.
    """
    texts: list[str] = []
    rest = received
    while True:
        line, newline, rest = rest.partition(b"\n")
        if not newline:
            return None, received
        text = words_of(line).rstrip("\r")
        if not line[:3].isdigit():
            raise ValueError(f"the server answered {text[:80]!r}, which is not SMTP")
        if line[3:4] != b"-" and not texts:
            return Answer(int(text[:3]), text[4:]), rest
        texts.append(text[4:])
        if line[3:4] != b"-":
            return Answer(int(text[:3]), " ".join(texts)), rest
