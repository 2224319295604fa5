"""Writes down each change of a person's standing with a list: what, when, how it was said, and by which of staff."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from mailer.audience.history import Moment, told_by_row
from mailer.models import ConsentEvent, Subscription
from mailer.models.outbox import tell_of_unsubscription

What = ConsentEvent.What
STEP = 1_000


@dataclass(frozen=True)
class Word:
    """By whose word something changes."""

    source: str  #: how it was said, as it follows on "by": `one-click in a mail program`
    at: datetime
    by: Any = None  #: the user of staff who did it
    is_complaint: bool = False


def note(list_id: int, recipient_id: int, what: ConsentEvent.What, word: Word, detail: str = "") -> None:
    """Keep one change, and tell other programs of one who leaves.

    That somebody came onto a list is no change: their Subscription says so.
    """
    _keep(list_id, recipient_id, what, word, detail)
    if what == What.UNSUBSCRIBED:
        reason = "complaint" if word.is_complaint else "unsubscribed"
        tell_of_unsubscription(list_id, recipient_id, reason, word.source, word.at)


def note_changes(before: Subscription, after: Subscription, word: Word) -> None:
    """Keep what is different between a subscription as it was and as it is saved now.

    Also how the person left, if only the row said so, as after an import: the row may forget it.
    """
    known = ConsentEvent.objects.filter(recipient=before.recipient_id, list=before.list_id)
    has_left = before.status == Subscription.Status.UNSUBSCRIBED
    if has_left and not known.filter(what=What.UNSUBSCRIBED, at__gte=before.subscribed_at).exists():
        at = before.unsubscribed_at or before.subscribed_at
        _keep(before.list_id, before.recipient_id, What.UNSUBSCRIBED, Word(before.source, at, before.changed_by))
    for what, detail in changes_between(before, after):
        note(after.list_id, after.recipient_id, what, word, detail)


def save_change(before: Subscription, after: Subscription, word: Word) -> None:
    """Save a subscription as it is now, if it is not as it was, and keep what changed and by whose word."""
    names = ("status", "cadence", "paused_until", "confirmed_at", "unsubscribed_at")
    if any(getattr(before, name) != getattr(after, name) for name in names):
        after.changed_by = word.by
        after.save(update_fields=[*names, "changed_by"])
        note_changes(before, after, word)


def note_removals(subscriptions: QuerySet[Subscription], word: Word) -> None:
    """Keep what only the rows of these subscriptions say, because they are about to be deleted, and that they were."""
    rows = subscriptions.select_related("list", "changed_by").iterator(STEP)
    ConsentEvent.objects.bulk_create((event for row in rows for event in _last_words(row, word)), batch_size=STEP)


def changes_between(before: Subscription, after: Subscription) -> Iterator[tuple[ConsentEvent.What, str]]:
    """What makes the difference between the two, and to what it was changed."""
    if before.status != after.status:
        yield _change_of_status(before.status, after.status), ""
    if before.cadence != after.cadence:
        yield What.CADENCE, str(after.get_cadence_display())
    if before.paused_until != after.paused_until:
        yield (What.PAUSED, f"until {_day(after.paused_until)}") if after.paused_until else (What.RESUMED, "")


def _keep(list_id: int, recipient_id: int, what: ConsentEvent.What, word: Word, detail: str = "") -> None:
    ConsentEvent.objects.create(
        list_id=list_id,
        recipient_id=recipient_id,
        what=what,
        detail=detail,
        at=word.at,
        source=word.source[:200],
        by=word.by,
    )


def _change_of_status(before: str, after: str) -> ConsentEvent.What:
    if after == Subscription.Status.UNSUBSCRIBED:
        return What.UNSUBSCRIBED
    if after == Subscription.Status.PENDING:
        return What.UNCONFIRMED
    return What.CONFIRMED if before == Subscription.Status.PENDING else What.RESUBSCRIBED


def _last_words(row: Subscription, word: Word) -> Iterator[ConsentEvent]:
    known = ConsentEvent.objects.filter(recipient=row.recipient_id, list=row.list_id, at__gte=row.subscribed_at)
    events = [Moment(row.list, event.at, What(event.what), source=event.source) for event in known]
    gone = Moment(row.list, word.at, What.REMOVED, source=word.source, by=word.by)
    for moment in (*told_by_row(row, events), gone):
        yield ConsentEvent(
            list=row.list,
            recipient_id=row.recipient_id,
            what=moment.what,
            at=moment.at,
            source=moment.source[:200],
            by=moment.by,
        )


def _day(moment: datetime) -> str:
    local = timezone.localtime(moment)
    return f"{local:%-d %b %Y %H:%M} {local.tzinfo}"
