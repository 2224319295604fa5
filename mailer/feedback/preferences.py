"""What people say themselves about the lists that they get: whether, how often, and from when on again."""

from copy import copy
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Q, QuerySet

from mailer.audience.consent import Word, save_change
from mailer.models import Recipient, RecipientList, Subscription

Status = Subscription.Status


@dataclass(frozen=True)
class Wish:
    """What somebody wants of one list."""

    wanted: bool
    cadence: str
    paused_until: datetime | None


def lists_to_offer(recipient: Recipient) -> QuerySet[RecipientList]:
    """The lists that the person is on or may come (back) to by themselves.

    Onto one that is not public comes back who left it by themselves, not whom staff took off it.
    """
    own = Subscription.objects.filter(recipient=recipient)
    open_to_them = own.exclude(status=Status.UNSUBSCRIBED, changed_by__isnull=False)
    return RecipientList.objects.filter(Q(is_public=True) | Q(pk__in=open_to_them.values("list"))).order_by("name")


def fulfil(list_id: int, recipient_id: int, wish: Wish, word: Word) -> None:
    """Make the subscription as the person wants it, and keep what changed by that. Doing it again does nothing."""
    with transaction.atomic():
        row = _locked(list_id, recipient_id)
        if row is None:
            if wish.wanted:
                _begin(list_id, recipient_id, wish, word)
            return
        before = copy(row)
        _stand(row, wish.wanted, word)
        row.cadence, row.paused_until = wish.cadence, wish.paused_until
        save_change(before, row, word)


def get_weekly(list_id: int, recipient_id: int, word: Word) -> None:
    """Let the person have the list once a week, also if they just left it."""
    _stay(list_id, recipient_id, word, cadence=Subscription.Cadence.WEEKLY)


def pause(list_id: int, recipient_id: int, until: datetime, word: Word) -> None:
    """Let the person have nothing of the list until then, and everything after, also if they just left it."""
    _stay(list_id, recipient_id, word, paused_until=until)


def confirm(list_id: int, recipient_id: int, word: Word) -> bool:
    """Let somebody onto the list who was asked by mail whether they meant it. Returns whether there was such a one."""
    with transaction.atomic():
        row = _locked(list_id, recipient_id)
        if row is None:
            return False
        before = copy(row)
        _stand(row, True, word)
        save_change(before, row, word)
    return True


def _stay(list_id: int, recipient_id: int, word: Word, **wanted: object) -> None:
    with transaction.atomic():
        row = _locked(list_id, recipient_id)
        if row is None:
            return
        before = copy(row)
        _stand(row, True, word)
        for name, value in wanted.items():
            setattr(row, name, value)
        save_change(before, row, word)


def _locked(list_id: int, recipient_id: int) -> Subscription | None:
    return Subscription.objects.select_for_update().filter(list=list_id, recipient=recipient_id).first()


def _begin(list_id: int, recipient_id: int, wish: Wish, word: Word) -> None:
    Subscription.objects.create(
        list_id=list_id,
        recipient_id=recipient_id,
        cadence=wish.cadence,
        paused_until=wish.paused_until,
        source=word.source,
    )


def _stand(row: Subscription, wanted: bool, word: Word) -> None:
    """Put the row to whether the person wants the list; somebody who waits for confirmation and says no, leaves."""
    if wanted and row.status == Status.PENDING:
        row.confirmed_at = word.at
    if not wanted:
        row.unsubscribed_at = row.unsubscribed_at or word.at
    else:
        row.unsubscribed_at = None
    row.status = Status.ACTIVE if wanted else Status.UNSUBSCRIBED
