"""Single mails: taken once they are written down, and followed to their end."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any

from django.http import HttpRequest
from django.utils import timezone
from ninja import Field, Header, Path, Router, Schema, Status
from pydantic import StringConstraints

from mailer.api.access import Needs, key_of
from mailer.api.attachments import FileIn
from mailer.api.problems import Problem, missing
from mailer.api.values import Address, Data, Given, Id, Line, Moment, Slug
from mailer.models import EmailTemplate, Mailing, Scope
from mailer.scheduling.notifications import MAX_FILES, Extras, File, plan_notification
from mailer.templating.sandbox import TemplateError
from mailer.waking import take_notification

router = Router(tags=["notifications"], auth=Needs(Scope.NOTIFICATIONS))
_KIND = Mailing.Kind.NOTIFICATION


class NotificationIn(Given):
    """One mail to one person."""

    template: Slug = Field(examples=["notification"])
    to: Address
    context: Data = Field({}, description="All that the template names.")
    send_at: Moment | None = Field(None, description="At once if it is left out or past.")
    attachments: list[FileIn] = Field([], max_length=MAX_FILES, description="Together at most 10 MB.")


class NotificationOut(Schema):
    """A mail that was taken, and what became of it."""

    id: int
    delivery: int
    template: str | None
    status: str
    reason: str
    send_at: datetime
    sent_at: datetime | None
    attempts: int
    smtp_code: int | None
    smtp_text: str
    attachments: list[str]  #: their names, as long as they are kept


Key = Annotated[Line, StringConstraints(min_length=1, max_length=150)]


@router.post("/notifications", response={202: NotificationOut}, summary="Send a mail")
def send_notification(
    request: HttpRequest, data: NotificationIn, idempotency_key: Header[Key | None] = None
) -> Status[dict[str, Any]]:
    """Write the mail down; 202 says that it is, and will be sent whatever fails next.

    The same `Idempotency-Key` again answers with the first mail, and sends no other.
    """
    key = f"api:{key_of(request).pk}:{idempotency_key}" if idempotency_key else None
    extras = _extras(data, key)
    due = max(data.send_at or timezone.now(), timezone.now())
    try:
        mailing = take_notification(plan_notification(due, data.to, data.template, data.context, extras))
    except TemplateError as error:
        raise _unfit(data, error) from error
    if key and not _is_of(mailing, data, extras.files):
        raise Problem(HTTPStatus.CONFLICT, "This Idempotency-Key was used for another mail.")
    return Status(202, _shown(mailing))


@router.get("/notifications/{id}", response=NotificationOut, summary="Read what became of a mail")
def read_notification(request: HttpRequest, id: Path[Id]) -> dict[str, Any]:
    """The mail as it stands."""
    mailing = Mailing.objects.filter(pk=id, kind=_KIND).first()
    if mailing is None:
        raise missing("such notification")
    return _shown(mailing)


def _extras(data: NotificationIn, key: str | None) -> Extras:
    """What the mail has besides. Raises Problem for more than it may have."""
    try:
        return Extras(key, tuple(file.as_file() for file in data.attachments))
    except ValueError as error:
        words = "Some of it can't be used."
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, words, {"attachments": str(error)}) from error


def _unfit(data: NotificationIn, error: TemplateError) -> Problem:
    """Which of the two it was. Asked only here: nearly every mail has its template."""
    if not EmailTemplate.objects.filter(slug=data.template).exists():
        words = {"template": f"There is no {data.template!r}."}
        return Problem(HTTPStatus.NOT_FOUND, "There is no such template.", words)
    return Problem(HTTPStatus.CONFLICT, "The template can't be filled with this.", {"context": str(error)})


def _is_of(mailing: Mailing, data: NotificationIn, files: tuple[File, ...]) -> bool:
    """Whether this is what the key stands for; files that are not kept any more are taken for the same."""
    recipient = mailing.recipient
    same_person = recipient is None or recipient.email == data.to
    same_words = mailing.pinned.template.slug == data.template and mailing.context == data.context
    kept = [File(kept.name, kept.content_type, bytes(kept.content)) for kept in mailing.attachments.all()]
    same_files = mailing.has_attachments == bool(files) and (not kept or kept == list(files))
    return same_person and same_words and same_files


def _shown(mailing: Mailing) -> dict[str, Any]:
    delivery = mailing.only_delivery
    own = {"id": mailing.pk, "delivery": delivery.pk, "send_at": mailing.scheduled_for}
    told = {name: getattr(delivery, name) for name in ("status", "reason", "sent_at", "attempts", *_ANSWER)}
    names = [file.name for file in mailing.attachments.defer("content")] if mailing.has_attachments else []
    return own | told | {"attachments": names, "template": mailing.template.slug if mailing.template else None}


_ANSWER = ("smtp_code", "smtp_text")
