"""All that is stored about one person, as they may ask to have it (GDPR articles 15 and 20)."""

import json
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import Any

from django.db.models import QuerySet

from mailer.audience.history import history_of
from mailer.insight.stories import reason_in_words, server_answer
from mailer.models import (
    Attempt,
    BounceScore,
    Delivery,
    DigestItem,
    LiftedSuppression,
    Mailing,
    Message,
    Recipient,
    Subscription,
    Suppression,
    WebhookDelivery,
)
from mailer.models.deliveries import NAMED

STEP = 1_000


def dossier_of(recipient: Recipient, now: datetime) -> dict[str, Any]:
    """For JSON, with moments in ISO 8601. Who of staff did what is not about the person, and left out."""
    return {
        "exported_at": now.isoformat(),
        "person": {
            "address": recipient.email,
            "name": recipient.name,
            "time_zone": recipient.time_zone,
            "language": recipient.language,
            "attributes": recipient.attributes,
            "known_since": recipient.created_at.isoformat(),
        },
        "lists": [_subscription(row) for row in _own(Subscription.objects, recipient).select_related("list")],
        "history": [
            {"list": one.list.name, "at": one.at.isoformat(), "what": str(one.what.label), "detail": one.detail,
             "how": one.source}
            for one in history_of(recipient)
        ],
        "suppressions": [*_suppressions(recipient)],
        "mails_that_came_back_lately": [
            {"score": round(row.score, 2), "as_of": row.at.isoformat()}
            for row in BounceScore.objects.filter(email=recipient.email)
        ],
        "items_for_this_person_alone": [
            {"title": item.title, "summary": item.summary, "link": item.url, "published": item.published_at.isoformat()}
            for item in _own(DigestItem.objects, recipient)
        ],
        "told_to_other_programs": [
            {"at": row.at.isoformat(), "to": row.endpoint.name, "what": json.loads(row.body)}
            for row in _own(WebhookDelivery.objects, recipient).select_related("endpoint")
        ],
        "mails": [*_mails(recipient)],
    }  # fmt: skip


def as_rows(dossier: dict[str, Any]) -> Iterator[list[str]]:
    """The same as a table: in which part, number in it, what is said, of what."""
    yield ["part", "number", "what", "value"]
    for part, told in dossier.items():
        entries = told if isinstance(told, list) else [told]
        for number, entry in enumerate(entries, 1):
            for what, value in (entry if isinstance(entry, dict) else {"": entry}).items():
                yield [part, str(number) if isinstance(told, list) else "", what, _as_cell(value)]


def _as_cell(value: Any) -> str:
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False) if value else ""
    return "" if value is None else str(value)


def _own(rows: Any, recipient: Recipient) -> QuerySet[Any]:
    found: QuerySet[Any] = rows.filter(recipient=recipient).order_by("pk")
    return found


def _subscription(row: Subscription) -> dict[str, Any]:
    return {
        "list": row.list.name,
        "state": row.get_status_display(),
        "how_often": row.get_cadence_display(),
        "paused_until": _iso(row.paused_until),
        "how_it_began": row.source,
        "since": row.subscribed_at.isoformat(),
        "confirmed": _iso(row.confirmed_at),
        "unsubscribed": _iso(row.unsubscribed_at),
    }


def _suppressions(recipient: Recipient) -> Iterator[dict[str, Any]]:
    for held in Suppression.objects.filter(email=recipient.email):
        yield _suppression(held) | {"until": _iso(held.expires_at)}
    for past in LiftedSuppression.objects.filter(email=recipient.email):
        yield _suppression(past) | {"until": past.lifted_at.isoformat(), "why_it_was_lifted": past.lift_note}


def _suppression(row: Suppression | LiftedSuppression) -> dict[str, Any]:
    return {"why": row.get_reason_display(), "note": row.note, "since": row.created_at.isoformat()}


def _mails(recipient: Recipient) -> Iterator[dict[str, Any]]:
    ids = iter(sorted(Delivery.objects.to(recipient).values_list("pk", flat=True)))
    while part := list(islice(ids, STEP)):
        tried: dict[int, list[Attempt]] = {}
        for attempt in Attempt.objects.filter(delivery__in=part):
            tried.setdefault(attempt.delivery_id, []).append(attempt)
        mails = Delivery.objects.filter(pk__in=part).select_related(*NAMED).prefetch_related("returns")
        for mail in mails.order_by("pk"):
            yield _mail(mail, tried.get(mail.pk, []))


def _content(mailing: Mailing) -> dict[str, Any]:
    """Of a single mail: what it was filled with, or the whole message of a program; and what was attached."""
    if mailing.message_id is not None:
        message = Message.objects.filter(mailings=mailing).first()
        return {"content": bytes(message.source).decode("ascii", "replace") if message else "no longer kept"}
    files = [file.name for file in mailing.attachments.defer("content")] if mailing.has_attachments else []
    return {"content": mailing.context, **({"attached": files} if files else {})}


def _mail(mail: Delivery, tried: list[Attempt]) -> dict[str, Any]:
    mailing = mail.mailing
    single = _content(mailing) if mailing.kind == Mailing.Kind.NOTIFICATION else {}
    return {
        "mail": mailing.name,
        "due": mailing.scheduled_for.isoformat(),
        "state": mail.get_status_display(),
        "why": reason_in_words(mail),
        "sent": _iso(mail.sent_at),
        "mail_servers_answer": server_answer(mail),
        "attempts_that_failed": [
            {"at": one.at.isoformat(), "answer": f"{one.smtp_code or ''} {one.smtp_text}".strip()} for one in tried
        ],
        "reports": [
            {"at": row.at.isoformat(), "what": str(row.get_outcome_display()), "answer": row.answer}
            for row in mail.returns.all()
        ],
        **single,
    }


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
