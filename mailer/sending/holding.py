"""Mails that have to wait for a sending limit: put aside by those who send, and let go one window after the other."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Case, F, IntegerField, QuerySet, Value, When

from mailer.models import Delivery, HeldGroup, HeldMail, Mailing, ReleaseTurn
from mailer.sending.claim import Claimed, Range
from mailer.sending.limits import Limits, take
from mailer.sending.refusing import refuse
from mailer.sending.relays import paused_until
from mailer.sending.wakeups import RANGE_SIZE

#: One that is put aside is not due again by itself for so long; it is let go long before.
SET_ASIDE = timedelta(days=1)
#: How many groups, and how many mails of each, are looked at in one turn.
_GROUPS, _STEP = 500, 2_000
#: The next turn is at most so far away: by then a limit may have been changed, or a mailing resumed.
LONGEST_WAIT = timedelta(seconds=5)
_SHORTEST_WAIT = timedelta(milliseconds=50)
_SINGLE = (Mailing.Kind.NOTIFICATION, Mailing.Kind.TEST)


@dataclass
class Released:
    """What may go now, for the workers to be told of, and when to look again; None if nothing waits any more."""

    ranges: list[Range] = field(default_factory=list)
    again_at: datetime | None = None


def choose_held(mailing: Mailing, limits: Limits, sender: str, group: list[Claimed], now: datetime) -> dict[int, str]:
    """Which of these deliveries have to wait, by id, and for which domain's limit; the others have taken their place.

    Nobody's place is taken who gets no mail anyway.
    """
    if not limits:
        return {}
    is_single = mailing.kind in _SINGLE
    asking: dict[str, list[int]] = {}
    for claimed in group:
        if claimed.person is not None and not claimed.is_admitted and refuse(mailing, claimed, now) is None:
            asking.setdefault(limits.limited_domain(claimed.person.email), []).append(claimed.id)
    held: dict[int, str] = {}
    for domain, ids in asking.items():
        granted = take(limits.applying(sender, domain), len(ids), is_single, now).mails
        if granted < len(ids):
            HeldGroup.objects.update_or_create(mailing=mailing, domain=domain, defaults={"sender": sender})
            held |= dict.fromkeys(ids[granted:], domain)
    return held


def hold(mailing_id: int, by_domain: dict[str, list[int]], now: datetime) -> int:
    """Put deliveries that are in hand aside, within the caller's transaction. Returns how many."""
    done = 0
    for domain, ids in by_domain.items():
        rows = Delivery.objects.open().filter(mailing=mailing_id, pk__in=ids)
        done += rows.update(reason=Delivery.Reason.PACED, next_attempt_at=now + SET_ASIDE)
        group, _ = HeldGroup.objects.get_or_create(mailing_id=mailing_id, domain=domain)
        HeldMail.objects.bulk_create([HeldMail(delivery_id=pk, group=group) for pk in ids], ignore_conflicts=True)
    return done


def begin_turns(now: datetime) -> int | None:
    """The number of the first turn of a new chain, or None: nothing waits, or a chain of turns is under way."""
    if not HeldMail.objects.exists():
        return None
    turn, is_new = ReleaseTurn.objects.get_or_create(pk=1, defaults={"until": now + 3 * LONGEST_WAIT, "number": 1})
    return turn.number if is_new else _next_turn(ReleaseTurn.objects.filter(until__lte=now), now)


def go_on_turns(number: int, now: datetime) -> int | None:
    """The number of the turn after this one; None if another chain has begun meanwhile."""
    return _next_turn(ReleaseTurn.objects.filter(number=number), now)


def end_turns(now: datetime) -> None:
    """Nothing waits: whoever puts something aside next begins a new chain at once."""
    ReleaseTurn.objects.filter(pk=1).update(until=now)


def release(now: datetime) -> Released:
    """Let go what the limits allow by now: single mails first, and of mailings the one that waited longest."""
    if paused_until() is not None:
        return Released(again_at=now + LONGEST_WAIT)
    HeldGroup.objects.exclude(mailing__in=Mailing.objects.open()).delete()
    single_first = Case(When(mailing__kind__in=_SINGLE, then=Value(0)), default=Value(1), output_field=IntegerField())
    groups = HeldGroup.objects.filter(mailing__status=Mailing.Status.SENDING).select_related("mailing")
    turn = _Turn(now)
    for group in groups.order_by(single_first, F("served_at").asc(nulls_first=True), "pk")[:_GROUPS]:
        turn.serve(group)
    if not turn.waits and not HeldMail.objects.exists():
        return Released(turn.ranges)
    # Where nothing waits that may go, the mailings are paused.
    again_at = min([*turn.waits, now + LONGEST_WAIT])
    return Released(turn.ranges, max(again_at, now + _SHORTEST_WAIT))


class _Turn:
    """What is let go in one turn, and until when the others have to wait."""

    def __init__(self, now: datetime) -> None:
        self._now, self._limits = now, Limits()
        self.ranges: list[Range] = []
        self.waits: list[datetime] = []
        #: By limits, and for single mails or others: when there is a place again, once there is none.
        self._full: dict[tuple[bool, frozenset[int]], datetime] = {}

    def serve(self, group: HeldGroup) -> None:
        """Let mails of the group go, unless an earlier one of this turn has found no place under the same limits."""
        is_single = group.mailing.kind in _SINGLE
        limits = self._limits.applying(group.sender, group.domain)
        full = is_single, frozenset(limit.pk for limit in limits)
        if full in self._full:
            return
        with transaction.atomic():
            HeldGroup.objects.select_for_update(no_key=True).get(pk=group.pk)
            first = list(group.mails.order_by("delivery_id").values_list("delivery_id", flat=True)[:_STEP])
            waiting = Delivery.objects.open().filter(pk__in=first).order_by("pk").values_list("pk", flat=True)
            ids = list(waiting)
            grant = take(limits, len(ids), is_single, self._now)
            going, staying = ids[: grant.mails], ids[grant.mails :]
            Delivery.objects.filter(pk__in=going).update(reason=Delivery.Reason.ADMITTED, next_attempt_at=self._now)
            HeldMail.objects.filter(pk__in=set(first) - set(staying)).delete()
            if going:
                HeldGroup.objects.filter(pk=group.pk).update(served_at=self._now)
        self.ranges += _ranges(group.mailing_id, going)
        if staying:
            self._full[full] = grant.again_at
        if staying or len(first) == _STEP:
            self.waits.append(grant.again_at)


def _next_turn(turns: "QuerySet[ReleaseTurn]", now: datetime) -> int | None:
    with transaction.atomic():
        turn = turns.select_for_update().first()
        if turn is None:
            return None
        turn.number, turn.until = turn.number + 1, now + 3 * LONGEST_WAIT
        turn.save()
        return turn.number


def _ranges(mailing_id: int, ids: list[int]) -> Iterator[Range]:
    for start in range(0, len(ids), RANGE_SIZE):
        part = ids[start : start + RANGE_SIZE]
        yield Range(mailing_id, part[0], part[-1])
