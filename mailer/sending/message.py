"""A mail's bytes: headers and MIME parts as RFC 5322, RFC 2045 to 2047, RFC 2369 and RFC 8058 want them."""

import binascii
import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.utils import format_datetime, formataddr

from mailer.models import RecipientList
from mailer.templating.compose import Rendered

#: What no header value may hold: controls, and the line ends of Unicode (Python's own checks miss some of them).
_CONTROL = re.compile("[\x00-\x1f\x7f\x85\u2028\u2029]+")
#: RFC 5322 section 2.1.1: the limit for a line, without its CRLF.
MAX_LINE = 998


@dataclass(frozen=True)
class Sender:
    """Who a mailing is from: the same for all its mails."""

    name: str
    address: str
    reply_to: str = ""
    list_id: str = ""  #: RFC 2919; empty for mails that belong to no list


@dataclass(frozen=True)
class Addressee:
    """What is in one mail's headers and in no other's."""

    name: str
    address: str
    message_id: str
    unsubscribe_url: str = ""


def make_sender(mailing_list: RecipientList | None, name: str, address: str) -> Sender:
    """The sender of a list's mails; the service's own name and address where the list has none, or there is no list."""
    if mailing_list is None:
        return Sender(name, address)
    return Sender(
        name=mailing_list.from_name or mailing_list.name,
        address=mailing_list.from_email or address,
        reply_to=mailing_list.reply_to,
        list_id=f"<{mailing_list.slug}.{address.rpartition('@')[2]}>",
    )


def build_message(mail: Rendered, sender: Sender, addressee: Addressee, now: datetime, eight_bit: bool) -> bytes:
    """The message with CRLF line ends, not dot-stuffed; bodies are 8bit where that is offered and lines are short."""
    boundary = f"=_{secrets.token_hex(16)}"
    headers = [
        ("Date", format_datetime(now)),
        ("From", _mailbox(sender.name, sender.address)),
        ("To", _mailbox(addressee.name, addressee.address)),
        ("Subject", _text(mail.subject, len("Subject: "))),
        ("Message-ID", addressee.message_id),
        ("Auto-Submitted", "auto-generated"),
    ]
    if sender.reply_to:
        headers.append(("Reply-To", sender.reply_to))
    if sender.list_id:
        headers += [("List-Id", sender.list_id), ("Precedence", "bulk")]
    if addressee.unsubscribe_url:
        headers.append(("List-Unsubscribe", f"<{addressee.unsubscribe_url}>"))
        headers.append(("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"))
    headers += [
        ("MIME-Version", "1.0"),
        ("Content-Type", f'multipart/alternative;\r\n boundary="{boundary}"'),
    ]
    head = "".join(f"{name}: {value}\r\n" for name, value in headers).encode("ascii")
    parts = [_part("plain", mail.text, eight_bit), _part("html", mail.html, eight_bit)]
    opened = b"".join(b"\r\n--%s\r\n%s" % (boundary.encode(), part) for part in parts)
    return head + opened + b"\r\n--%s--\r\n" % boundary.encode()


def clean(value: str) -> str:
    """A header value on one line: what could break out of it becomes a space."""
    return _CONTROL.sub(" ", value).strip()


def _part(subtype: str, text: str, eight_bit: bool) -> bytes:
    body = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "").encode()
    if eight_bit and max(map(len, body.split(b"\n"))) <= MAX_LINE:
        encoding, content = b"8bit", body.replace(b"\n", b"\r\n")
    else:
        encoding, content = b"quoted-printable", _quoted_printable(body)
    head = b"Content-Type: text/%s; charset=utf-8\r\nContent-Transfer-Encoding: %s\r\n\r\n"
    return head % (subtype.encode(), encoding) + content


def _quoted_printable(body: bytes) -> bytes:
    return binascii.b2a_qp(body, istext=True).replace(b"\n", b"\r\n")


def _mailbox(name: str, address: str) -> str:
    """`Name <address>`, the name quoted or encoded as needed; never encoded inside the address."""
    plain = clean(name)[:200]
    if plain.isascii() and len(plain) + len(address) < 60:
        return formataddr((plain, address))
    encoded = Header(plain, "utf-8", header_name="Subject", maxlinelen=70).encode(linesep="\r\n")
    return f"{encoded}\r\n <{address}>"


def _text(value: str, used: int) -> str:
    """An unstructured header's value, folded; encoded words (RFC 2047) where it is not plain ASCII."""
    plain = clean(value)
    if plain.isascii() and len(plain) + used <= 76 and "=?" not in plain:
        return plain
    charset = "us-ascii" if plain.isascii() and "=?" not in plain and _folds(plain) else "utf-8"
    return Header(plain, charset, header_name="x" * (used - 2), maxlinelen=76).encode(linesep="\r\n")


def _folds(plain: str) -> bool:
    """Whether it has spaces enough to be folded without encoding."""
    return max(map(len, plain.split()), default=0) < 60
