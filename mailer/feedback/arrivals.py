"""A message that came in, taken apart into what a report can consist of."""

import re
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.errors import MessageError
from email.header import decode_header
from email.message import Message
from email.utils import parseaddr
from html import unescape

#: Characters of the text that somebody or some program wrote.
MOST_TEXT = 20_000
_STATUS_TYPES = ("message/delivery-status", "message/global-delivery-status")
_ORIGINAL_TYPES = ("message/rfc822", "text/rfc822-headers", "message/global", "message/global-headers", "text/rfc822")
# Where a notice of one text goes over to the mail that is returned.
_HERE_BEGINS = re.compile(
    r"^(?:[>\s]*[-=_*]{2,}.{0,60}(?:original|returned|unsent|undelivered|copy of|header|message follows|your message)"
    r"|return-path:|received: (?:from|by|\()|.{0,40}copy of (?:the|your) (?:original )?(?:message|mail|letter)"
    r"|the (?:header|text) of the original|(?:original|unsent|returned) message(?: follows)?\s*:?\s*$"
    r"|message-id: *<|x-mailer:|mime-version: 1)",
    re.IGNORECASE | re.MULTILINE,
)
_TAG = re.compile(r"<(?:style|script)\b.{0,2000}?</(?:style|script)>|<[a-z/!][^<>]{0,1000}>", re.IGNORECASE | re.DOTALL)
_HEADER = re.compile(r"^([A-Za-z][\w-]{1,60}):[ \t]*(.{0,2000}(?:\n[ \t].{0,2000}){0,20})", re.MULTILINE)


@dataclass(frozen=True)
class Arrival:
    """The parts of a message, each empty where it has none."""

    message: Message
    subject: str = ""
    sender: str = ""  #: the address in From, lower-cased
    notice: str = ""  #: what its author wrote, as text
    status: str = ""  #: its delivery status blocks
    feedback: str = ""  #: its feedback report's fields (RFC 5965)
    original: dict[str, str] = field(default_factory=dict)  #: the returned mail's header, names lower-cased

    def header(self, name: str) -> str:
        """A header field's decoded text; empty without one."""
        return decoded(str(self.message.get(name, "")))


def read_arrival(message: Message) -> Arrival:
    """Take a message apart. What can't be decoded is read as well as it can be."""
    notices: list[str] = []
    found = {"status": "", "feedback": "", "original": ""}
    for part in _parts(message):
        kind = part.get_content_type()
        if kind in _STATUS_TYPES or "delivery-status" in kind:
            found["status"] += f"\n\n{_flat(part)}"
        elif kind == "message/feedback-report":
            found["feedback"] += _flat(part)
        elif kind in _ORIGINAL_TYPES:
            found["original"] = found["original"] or _flat(part)
        elif kind.startswith("text/") and not found["original"]:
            notices.append(_text(part))
    notice, rest = _split("\n".join(notices))
    original = found["original"] or rest
    return Arrival(
        message=message,
        subject=decoded(str(message.get("subject", ""))),
        sender=parseaddr(str(message.get("from", "")))[1].lower(),
        notice=notice[:MOST_TEXT],
        status=found["status"],
        feedback=found["feedback"],
        original=headers_in(original),
    )


def decoded(value: str) -> str:
    """A header's text with its encoded words (RFC 2047) read; as it is where they can't be."""
    try:
        pieces = decode_header(value)
        return "".join(
            piece.decode(charset or "latin-1", "replace") if isinstance(piece, bytes) else piece
            for piece, charset in pieces
        )
    except (ValueError, LookupError, MessageError):
        return value


def headers_in(text: str) -> dict[str, str]:
    """The header fields at the beginning of a text, the first of each name, unfolded, names lower-cased."""
    head = text.lstrip("\n").split("\n\n", 1)[0][:MOST_TEXT]
    found: dict[str, str] = {}
    for name, value in _HEADER.findall(head):
        found.setdefault(name.lower(), " ".join(value.split()))
    return found


def _parts(message: Message) -> Iterator[Message]:
    """The message's parts that are no containers, outside the mail that it returns."""
    waiting = [message]
    while waiting:
        part = waiting.pop(0)
        if part.get_content_type().startswith("multipart/") and part.is_multipart():
            waiting[:0] = _inside(part)
        else:
            yield part


def _flat(part: Message) -> str:
    """The content of a part that holds fields, as text; the parser may have made messages of them."""
    if not part.is_multipart():
        return _text(part)
    flat = "\n\n".join(f"{_head(each)}\n\n{_body(each)}" for each in _inside(part))
    return _from_base64(flat) if str(part.get("content-transfer-encoding", "")).lower() == "base64" else flat


def _head(message: Message) -> str:
    """The header as text; what is not ASCII in it is taken for UTF-8 (RFC 6532)."""
    raw = "\n".join(f"{name}: {value}" for name, value in message.raw_items())
    return raw.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _from_base64(text: str) -> str:
    try:
        return b64decode(text).decode("utf-8", "replace")
    except ValueError:
        return text


def _inside(part: Message) -> list[Message]:
    inner = part.get_payload()
    return [each for each in inner if isinstance(each, Message)] if isinstance(inner, list) else []


def _body(message: Message) -> str:
    return "" if message.is_multipart() else _text(message)[:MOST_TEXT]


def _text(part: Message) -> str:
    # Never without `decode`: then the library decodes it itself, and stumbles over the charset.
    raw = part.get_payload(decode=True)
    data = raw if isinstance(raw, bytes) else b""
    try:
        text = data.decode(str(part.get_content_charset("utf-8")), "replace")
    except (LookupError, ValueError):  # no such charset, or one such as idna that takes no broken text
        text = data.decode("latin-1")
    return unescape(_TAG.sub(" ", text[: 2 * MOST_TEXT])) if part.get_content_type() == "text/html" else text


def _split(text: str) -> tuple[str, str]:
    """What was written, and the mail that is quoted after it."""
    here = _HERE_BEGINS.search(text, 1)
    if here is None:
        return text, ""
    begins = here.start()
    line_end = text.find("\n", here.end())
    is_line = text[begins:line_end].lstrip(" \n>-=_*").lower().startswith(("return-path:", "received:", "message-id:"))
    return text[:begins], text[begins:] if is_line else text[line_end + 1 :] if line_end >= 0 else ""
