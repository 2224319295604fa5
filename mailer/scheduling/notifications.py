"""Single mails: a mailing of kind `notification` with one delivery, written before anything is queued.

What they say is a template's, filled with a context, or a whole message that a program wrote.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction

from mailer.models import (
    Attachment,
    Delivery,
    EmailTemplate,
    Mailing,
    Message,
    Recipient,
    TemplateVersion,
    normalise_address,
)
from mailer.templating.check import check_context
from mailer.templating.contexts import notification_context
from mailer.templating.sandbox import TemplateError

#: As the column has it.
MAX_KEY = 200
#: The most files that go with one mail.
MAX_FILES = 20
_MEGABYTE = 1_000_000
#: No folder, no control character, no end of line, and nothing that turns the direction of what follows: by that a
#: `.exe` is shown as a `.pdf`. What joins letters stays: emoji and Persian need it.
_NOT_IN_NAME = re.compile(r"[/\\\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
#: Type and subtype of RFC 2045 section 5.1; what has parts of its own is no file.
_CONTENT_TYPE = re.compile(r"(?!multipart/|message/)[a-z0-9][a-z0-9!#$&^_.+-]{0,62}/[a-z0-9][a-z0-9!#$&^_.+-]{0,62}")


@dataclass(frozen=True)
class File:
    """What goes with a mail as an attachment. Raises ValueError for a name or a type that no mail can have."""

    name: str  #: without a folder, at most 200 characters
    content_type: str  #: such as `application/pdf`
    content: bytes

    def __post_init__(self) -> None:
        """Check it once, for all doors."""
        if not 0 < len(self.name) <= 200 or _NOT_IN_NAME.search(self.name):
            raise ValueError(f"{self.name[:40]!r} is no file's name: at most 200 characters, and no folder.")
        if not _CONTENT_TYPE.fullmatch(self.content_type):
            raise ValueError(f"{self.content_type[:60]!r} is no type of a file; one is application/pdf.")


@dataclass(frozen=True)
class Extras:
    """What a notification may have besides. Raises ValueError for too much of it."""

    key: str | None = None  #: the same key is sent once; an empty one is none
    files: tuple[File, ...] = ()

    def __post_init__(self) -> None:
        """Keep within what a mail server takes."""
        if self.key is not None and len(self.key) > MAX_KEY:
            raise ValueError(f"The key is longer than {MAX_KEY} characters: {self.key[:40]!r}…")
        if len(self.files) > MAX_FILES:
            raise ValueError(f"These are {len(self.files)} files; at most {MAX_FILES} go with one mail.")
        check_size(sum(len(file.content) for file in self.files), "The files have")


def check_size(size: int, what: str) -> None:
    """Raise ValueError if so many bytes are more than MESSAGE_MEGABYTES."""
    if size > settings.MESSAGE_MEGABYTES * _MEGABYTE:
        megabytes = f"{size / _MEGABYTE:.1f} MB; at most {settings.MESSAGE_MEGABYTES} MB are sent"
        raise ValueError(f"{what} {megabytes} (MESSAGE_MEGABYTES).")


def plan_notification(
    due: datetime,
    recipient: Recipient | str | int,
    template: str,
    context: dict[str, Any],
    extras: Extras = Extras(),
) -> Mailing:
    """Write down that one person gets one mail, not before `due`; the same key gives the same mailing.

    `recipient` is a Recipient, its id or an address (made a recipient if new). Raises TemplateError for an unknown
    template or a context that lacks a variable, InvalidAddress and Recipient.DoesNotExist.
    """
    key = extras.key or None
    version = TemplateVersion.objects.to_send().select_related("template").filter(template__slug=template).first()
    if version is None:
        known = ", ".join(EmailTemplate.objects.values_list("slug", flat=True)[:20]) or "none; run sync_templates"
        raise TemplateError(f"There is no template {template!r}. Templates: {known}.")
    check_context(version.subject, version.html, version.text, notification_context(context, due))
    try:
        with transaction.atomic():
            person = _find_recipient(recipient)
            made = Mailing(version=version, context=context, key=key, has_attachments=bool(extras.files))
            mailing = _write_down(made, person, due)
            Attachment.objects.bulk_create(
                Attachment(mailing=mailing, name=file.name, content_type=file.content_type, content=file.content)
                for file in extras.files
            )
    except IntegrityError:
        if key is None:
            raise
        return Mailing.objects.get(key=key)
    return mailing


def plan_message(due: datetime, source: bytes, recipients: Sequence[str]) -> list[Mailing]:
    """Write down that each of the addresses gets this message, as it is; one mailing a recipient, none twice.

    `source` is a message (RFC 5322) with CRLF line ends, 7-bit and without Bcc. Raises InvalidAddress, and ValueError
    for a message that is too large.
    """
    check_size(len(source), "The message has")
    addresses = dict.fromkeys(map(normalise_address, recipients))
    with transaction.atomic():
        message = Message.objects.create(source=source)
        people = map(_find_recipient, addresses)
        return [_write_down(Mailing(message=message), person, due) for person in people]


def _write_down(mailing: Mailing, person: Recipient, due: datetime) -> Mailing:
    mailing.recipient = person
    mailing.kind, mailing.status, mailing.planned = Mailing.Kind.NOTIFICATION, Mailing.Status.SENDING, 1
    mailing.scheduled_for = mailing.started_at = due
    mailing.save(force_insert=True)
    mailing.only_delivery = Delivery.objects.create(mailing=mailing, recipient=person, next_attempt_at=due)
    return mailing


def _find_recipient(recipient: Recipient | str | int) -> Recipient:
    if isinstance(recipient, Recipient):
        return recipient
    if isinstance(recipient, int):
        return Recipient.objects.get(pk=recipient)
    return Recipient.objects.get_or_create(email=recipient)[0]
