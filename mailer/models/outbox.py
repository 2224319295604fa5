"""The outbox: events are written in the transaction of what happened, for those who want them, and sent later."""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import uuid4

from django.db import transaction
from django.dispatch import Signal

from mailer.models.deliveries import Delivery
from mailer.models.mailings import Mailing
from mailer.models.recipients import Recipient, RecipientList
from mailer.models.sums import FINAL
from mailer.models.webhooks import EventType, WebhookDelivery, WebhookEndpoint

#: Sent when events for the endpoint of this id (`endpoint_id`) are committed.
events_written = Signal()
STEP = 500
#: A status of RFC 3463, with which a server's answer may begin.
_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}(?=\s|$)")


@dataclass(frozen=True)
class Fact:
    """What an event says; `list_id` decides who is told."""

    list_id: int | None
    at: datetime
    data: Mapping[str, Any]
    recipient_id: int | None = None


def tell_of_mailing(mailing: Mailing) -> None:
    """That a mailing to a list has ended: it was sent, cancelled, skipped or missed."""
    if mailing.list_id is not None and mailing.kind != Mailing.Kind.TEST:
        _tell(EventType.MAILING_FINISHED, lambda: [_of_mailing(mailing)])


def tell_of_deliveries(kind: EventType, ids: Sequence[int], at: datetime) -> None:
    """What became of these deliveries, whose rows say it already."""
    if ids:
        _tell(kind, lambda: _of_deliveries(ids, at))


def tell_of_unsubscription(list_id: int, recipient_id: int, reason: str, source: str, at: datetime) -> None:
    """That somebody left a list: `unsubscribed` or by a `complaint`; `source` is how it was said, in words."""
    _tell(EventType.RECIPIENT_UNSUBSCRIBED, lambda: [_of_unsubscription(list_id, recipient_id, reason, source, at)])


def write_test(endpoint: WebhookEndpoint, now: datetime, first_try: datetime) -> WebhookDelivery:
    """Write an event by which the endpoint can be tried, for that endpoint alone, due at `first_try`."""
    row = _row(EventType.TEST, Fact(None, now, {"endpoint": endpoint.name}))
    row.endpoint, row.next_attempt_at = endpoint, first_try
    row.save()
    return row


def _tell(kind: EventType, make: Callable[[], Iterable[Fact]]) -> None:
    """Write the facts down for whoever wants them. Where nobody does, they are not even looked up."""
    endpoints = WebhookEndpoint.objects.wanting(kind)
    if not endpoints:
        return
    with transaction.atomic():
        rows = []
        for fact in make():
            event = _row(kind, fact)
            rows += [_for(endpoint, event) for endpoint in endpoints if endpoint.takes(fact.list_id)]
        WebhookDelivery.objects.bulk_create(rows, batch_size=STEP)
        for endpoint_id in {row.endpoint_id for row in rows}:
            transaction.on_commit(partial(events_written.send, WebhookEndpoint, endpoint_id=endpoint_id), robust=True)


def _row(kind: EventType, fact: Fact) -> WebhookDelivery:
    event_id = uuid4()
    said = {"id": str(event_id), "type": kind.value, "time": _iso(fact.at), "data": fact.data}
    body = json.dumps(said, ensure_ascii=False, separators=(",", ":"))
    return WebhookDelivery(
        event_id=event_id,
        type=kind,
        at=fact.at,
        recipient_id=fact.recipient_id,
        body=body,
        next_attempt_at=fact.at,
    )


def _for(endpoint: WebhookEndpoint, event: WebhookDelivery) -> WebhookDelivery:
    values = {name: getattr(event, name) for name in ("event_id", "type", "at", "recipient_id", "body")}
    return WebhookDelivery(endpoint=endpoint, next_attempt_at=event.next_attempt_at, **values)


def _of_mailing(mailing: Mailing) -> Fact:
    ended = mailing.finished_at or mailing.scheduled_for
    data = {
        "mailing": mailing.pk,
        "kind": mailing.kind,
        "digest": mailing.digest.slug if mailing.digest else None,
        "list": mailing.list.slug if mailing.list else None,
        "status": mailing.status,
        "reason": mailing.reason,
        "scheduled_for": _iso(mailing.scheduled_for),
        "started_at": _iso(mailing.started_at),
        "finished_at": _iso(ended),
        "planned": mailing.planned,
        **{name: getattr(mailing, name) for name in FINAL},
    }
    return Fact(mailing.list_id, ended, data)


def _of_deliveries(ids: Sequence[int], at: datetime) -> Iterable[Fact]:
    """Test mails are nobody's business but their author's. Recipients apart: a join would leave out who was erased."""
    rows = Delivery.objects.filter(pk__in=ids).exclude(mailing__kind=Mailing.Kind.TEST).order_by("pk")
    for row in rows.select_related("mailing__list").prefetch_related("recipient"):
        data = {
            "delivery": row.pk,
            "mailing": row.mailing_id,
            "list": row.mailing.list.slug if row.mailing.list else None,
            "recipient": _person(row.person),
            "reason": row.reason,
            "attempts": row.attempts,
            "smtp_code": row.smtp_code,
            "smtp_status": _status_in(row.smtp_text),
        }
        yield Fact(row.mailing.list_id, at, data, row.recipient_id if row.person else None)


def _of_unsubscription(list_id: int, recipient_id: int, reason: str, source: str, at: datetime) -> Fact:
    person = Recipient.objects.filter(pk=recipient_id).first()
    slug = RecipientList.objects.filter(pk=list_id).values_list("slug", flat=True).first()
    data = {"list": slug, "recipient": _person(person), "reason": reason, "source": source}
    return Fact(list_id, at, data, recipient_id)


def _person(person: Recipient | None) -> dict[str, Any] | None:
    return None if person is None else {"id": person.pk, "email": person.email}


def _status_in(answer: str) -> str | None:
    found = _STATUS.match(answer)
    return found[0] if found else None


def _iso(moment: datetime | None) -> str | None:
    """In UTC, with its zone: `2026-11-23T15:00:07Z`."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z") if moment else None
