"""A mail's bytes: headers and MIME parts as RFC 5322, RFC 2045 to 2047, RFC 2369 and RFC 8058 want them."""

import binascii
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache
from typing import NamedTuple

from django.conf import settings

from mailer.models import RecipientList
from mailer.sending.headers import mailbox, unstructured
from mailer.templating.compose import Rendered

#: RFC 5322 section 2.1.1: the limit for a line, without its CRLF.
MAX_LINE = 998


@dataclass(frozen=True)
class Sender:
    """Who a mailing is from: the same for all its mails."""

    name: str
    address: str
    reply_to: str = ""
    list_id: str = ""  #: RFC 2919; empty for mails that belong to no list
    archive: str = ""  #: RFC 2369; where anybody may read the list's mails


class Addressee(NamedTuple):
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
        archive=f"{settings.SITE_URL}/lists/{mailing_list.slug}/" if mailing_list.archive_is_public else "",
    )


def new_boundary() -> str:
    """A MIME boundary (RFC 2046 section 5.1.1) that nobody can guess, and so nobody can write into a part."""
    return f"=_{secrets.token_hex(16)}"


def build_message(mail: Rendered, head: bytes, boundary: str, eight_bit: bool) -> bytes:
    """The message with CRLF line ends, not dot-stuffed; bodies are 8bit where that is offered and lines are short.

    `head` is `shared_head` and `own_head` of the same mail. Raises UnicodeEncodeError for half a surrogate pair.
    """
    mark = boundary.encode()
    parts = [(b"plain", mail.text), (b"html", mail.html)]
    opened = b"".join(b"\r\n--%s\r\n%s" % (mark, _part(subtype, text, eight_bit)) for subtype, text in parts)
    return head + b"\r\n" + opened.removeprefix(b"\r\n") + b"\r\n--%s--\r\n" % mark


def shared_head(sender: Sender, boundary: str) -> bytes:
    """The header fields that all mails of a composition share."""
    head = mailbox("From", sender.name, sender.address) + "Auto-Submitted: auto-generated\r\n"
    if sender.reply_to:
        head += f"Reply-To: {sender.reply_to}\r\n"
    if sender.list_id:
        head += f"List-Id: {sender.list_id}\r\nPrecedence: bulk\r\n"
    if sender.archive:
        head += f"List-Archive: <{sender.archive}>\r\n"
    head += f'MIME-Version: 1.0\r\nContent-Type: multipart/alternative;\r\n boundary="{boundary}"\r\n'
    return head.encode("ascii")


def own_head(addressee: Addressee, subject: str, now: datetime) -> bytes:
    """The header fields of one mail."""
    head = f"{message_id_fields(addressee.message_id)}Date: {_date(int(now.timestamp()))}\r\n"
    head += mailbox("To", addressee.name, addressee.address) + subject_field(subject)
    if addressee.unsubscribe_url:
        head += (
            f"List-Unsubscribe: <{addressee.unsubscribe_url}>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
        )
    return head.encode("ascii")


def message_id_fields(message_id: str, is_own: bool = True) -> str:
    """The Message-ID, unless the message has one of its author's, and what else names the delivery to a provider."""
    fields = f"Message-ID: {message_id}\r\n" if is_own else ""
    if settings.PROVIDER == "postmark":  # its events name a mail by its own id and by this
        fields += f"X-PM-Metadata-delivery: {message_id[1:].partition('@')[0]}\r\n"
    return fields


@lru_cache(maxsize=64)
def subject_field(subject: str) -> str:
    """The Subject; mails of a composition mostly share it."""
    return unstructured("Subject", subject)


def part_head(subtype: bytes, encoding: bytes) -> bytes:
    """A part's own header and the empty line."""
    head = b"Content-Type: text/%s; charset=utf-8\r\nContent-Transfer-Encoding: %s\r\n\r\n"
    return head % (subtype, encoding)


def normal_lines(text: str) -> str:
    """The text with LF as its only line end, and without NUL."""
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")


@lru_cache(maxsize=8)
def _date(second: int) -> str:
    """RFC 5322 section 3.3; the same text for all mails of a second."""
    return format_datetime(datetime.fromtimestamp(second, UTC))


def _part(subtype: bytes, text: str, eight_bit: bool) -> bytes:
    body = normal_lines(text).encode()
    if eight_bit and max(map(len, body.split(b"\n"))) <= MAX_LINE:
        return part_head(subtype, b"8bit") + body.replace(b"\n", b"\r\n")
    encoded = binascii.b2a_qp(body, istext=True).replace(b"\n", b"\r\n")
    return part_head(subtype, b"quoted-printable") + encoded
