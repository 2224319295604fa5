"""A mail once more as it went out, for staff or for its recipient: by the same writer, from what its mailing pins."""

from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage

from django.utils import translation

from mailer.models import Delivery, Mailing, Recipient
from mailer.sending.letters import BROKEN
from mailer.sending.writers import Writer, writer_for
from mailer.templating.contexts import Links, Person, person_of, still_links


class NoCopy(Exception):
    """The mail can't be made; the message says why."""


@dataclass(frozen=True)
class Copy:
    """What the mail server was handed over."""

    head: str  #: the header, as it is in the message
    subject: str
    sender: str
    html: str
    text: str
    files: tuple[str, ...] = ()  #: the names of those that go with it


def copy_of(delivery: Delivery, recipient: Recipient, at: datetime) -> Copy:
    """The mail that the recipient was sent at that time, with links that do nothing. Raises NoCopy.

    With their tokens staff could unsubscribe people by a slip, and the log would say that they did so themselves.
    """
    links = still_links(delivery.mailing, "not-shown-here")
    return write_copy(writer_of(delivery.mailing), delivery.pk, person_of(recipient), links, at)


def own_copy(delivery: Delivery, recipient: Recipient, at: datetime) -> Copy:
    """The same for the recipient, whose links are their own. Raises NoCopy."""
    writer, person = writer_of(delivery.mailing), person_of(recipient)
    return write_copy(writer, delivery.pk, person, writer.links_of(person), at)


def writer_of(mailing: Mailing) -> Writer:
    """Who writes the mailing's mails. Raises NoCopy for a version that can't be used, or not any more."""
    try:
        return writer_for(mailing)
    except BROKEN as error:
        raise NoCopy(f"The template can't be used: {error}") from error


def write_copy(writer: Writer, pk: int, person: Person, links: Links, at: datetime) -> Copy:
    """The mail of the delivery `pk`. Raises NoCopy."""
    with translation.override(writer.language):
        try:
            writer.look_up([person.id], at)
            data = writer.write(pk, person, links, True, at)
        except BROKEN as error:
            raise NoCopy(f"The template can't be filled with what is known of this person now: {error}") from error
    if data is None:
        raise NoCopy("There would be nothing in it.")
    return _read(data)


def _read(data: bytes) -> Copy:
    """Takes apart what went after DATA: without its final dot, and without the dots that were doubled."""
    content = data.removesuffix(b".\r\n").replace(b"\r\n..", b"\r\n.")
    message: EmailMessage = message_from_bytes(content, policy=policy.SMTP)
    html, text = message.get_body(("html",)), message.get_body(("plain",))
    return Copy(
        head=content.partition(b"\r\n\r\n")[0].decode("ascii", "replace").replace("\r\n", "\n"),
        subject=str(message["Subject"]),
        sender=str(message["From"]),
        html=str(html.get_content()) if html else "",
        text=str(text.get_content()) if text else "",
        files=tuple(part.get_filename() or part.get_content_type() for part in message.iter_attachments()),
    )
