"""The delivery log for other programs: mailings with their sums, and their mails one by one."""

from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Path, Query, Router, Schema
from pydantic import WithJsonSchema

from mailer.api.access import Needs
from mailer.api.pages import Page, PageQuery, page_of
from mailer.api.people import recipient_of
from mailer.api.problems import missing
from mailer.api.values import Address, Id, Slug
from mailer.insight.people import ids_of_mails_to
from mailer.models import Delivery, Mailing, Scope
from mailer.models.mailings import NAMED
from mailer.models.sums import FINAL

router = Router(tags=["log"], auth=Needs(Scope.LOG))
# Both classes are called Status, and the documents would have one for the two.
MailingStatus = Annotated[Mailing.Status, WithJsonSchema({"type": "string", "enum": Mailing.Status.values})]
DeliveryStatus = Annotated[Delivery.Status, WithJsonSchema({"type": "string", "enum": Delivery.Status.values})]
_PLAIN = ("kind", "status", "reason", "scheduled_for", "time_zone", "started_at", "finished_at", "planned", *FINAL)


class MailingQuery(PageQuery):
    """Which mailings."""

    list: Slug | None = None
    digest: Slug | None = None
    status: MailingStatus | None = None


class MailingOut(Schema):
    """A mailing."""

    id: int
    kind: str
    name: str
    list: str | None
    digest: str | None
    status: str
    reason: str
    scheduled_for: datetime
    time_zone: str
    started_at: datetime | None
    finished_at: datetime | None
    planned: int
    sent: int
    failed: int
    skipped: int
    bounced: int
    uncertain: int
    cancelled: int


class DeliveryOut(Schema):
    """A mail. The address is null if the person was erased."""

    id: int
    mailing: int
    email: str | None
    status: str
    reason: str
    attempts: int
    next_attempt_at: datetime | None
    sent_at: datetime | None
    smtp_code: int | None
    smtp_text: str


class DeliveryQuery(PageQuery):
    """Which mails of a mailing; here the cursor is a recipient's."""

    status: DeliveryStatus | None = None


@router.get("/mailings", response=Page[MailingOut], summary="Read mailings")
def read_mailings(request: HttpRequest, asked: Query[MailingQuery]) -> dict[str, Any]:
    """Mailings to lists, the newest first."""
    rows = Mailing.objects.filter(list__isnull=False).select_related(*NAMED)
    if asked.list is not None:
        rows = rows.filter(list__slug=asked.list)
    if asked.digest is not None:
        rows = rows.filter(digest__slug=asked.digest)
    if asked.status is not None:
        rows = rows.filter(status=asked.status)
    return page_of(rows, asked, _mailing)


@router.get("/mailings/{id}", response=MailingOut, summary="Read a mailing")
def read_mailing(request: HttpRequest, id: Path[Id]) -> dict[str, Any]:
    """A mailing as it stands."""
    return _mailing(_found(id))


@router.get("/mailings/{id}/deliveries", response=Page[DeliveryOut], summary="Read a mailing's mails")
def read_deliveries(request: HttpRequest, id: Path[Id], asked: Query[DeliveryQuery]) -> dict[str, Any]:
    """The mails of a mailing, page by page along its recipients."""
    rows = _found(id).deliveries.select_related("recipient")
    if asked.status is not None:
        rows = rows.filter(status=asked.status)
    return page_of(rows, asked, _delivery, by="recipient_id")


@router.get("/recipients/{email}/deliveries", response=Page[DeliveryOut], summary="Read a person's mails")
def read_mails_to(request: HttpRequest, email: Path[Address], asked: Query[PageQuery]) -> dict[str, Any]:
    """The last mails to a person, the newest first."""
    rows = Delivery.objects.filter(pk__in=ids_of_mails_to(recipient_of(email))).select_related("recipient")
    return page_of(rows, asked, _delivery)


@router.get("/deliveries/{id}", response=DeliveryOut, summary="Read a mail")
def read_delivery(request: HttpRequest, id: Path[Id]) -> dict[str, Any]:
    """A mail as it stands."""
    found = Delivery.objects.select_related("recipient").filter(pk=id).first()
    if found is None:
        raise missing("such delivery")
    return _delivery(found)


def _found(pk: int) -> Mailing:
    mailing = Mailing.objects.select_related(*NAMED).filter(pk=pk).first()
    if mailing is None:
        raise missing("such mailing")
    return mailing


def _mailing(mailing: Mailing) -> dict[str, Any]:
    named = {
        "id": mailing.pk,
        "name": mailing.name,
        "list": mailing.list.slug if mailing.list else None,
        "digest": mailing.digest.slug if mailing.digest else None,
    }
    return named | {name: getattr(mailing, name) for name in _PLAIN}


def _delivery(delivery: Delivery) -> dict[str, Any]:
    person = delivery.person
    named = {"id": delivery.pk, "mailing": delivery.mailing_id, "email": person.email if person else None}
    return named | {name: getattr(delivery, name) for name in DeliveryOut.model_fields if name not in named}
