"""What the schedules still hold for a day, and what they held that nobody planned."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from django.db.models import Q, QuerySet

from mailer.models import Digest, Mailing
from mailer.scheduling.occurrences import InvalidSchedule, due, upcoming
from mailer.scheduling.schedules import is_in_force, rule_of

#: The tick comes each half minute: what is this late has been forgotten.
PATIENCE = timedelta(minutes=5)
#: How far back is looked for what was forgotten, and for the zones of a digest that goes by each recipient's clock.
LOOK_BACK = timedelta(days=2)
#: Of a digest that goes often, so many of a day's moments are named.
MOST_OF_ONE = 3


@dataclass(frozen=True)
class Occurrence:
    """A moment at which a digest is due, in the zone by whose clocks it is."""

    digest: Digest
    moment: datetime


def to_come(start: datetime, end: datetime) -> list[Occurrence]:
    """The moments from `start` until before `end` that are not planned yet, at most MOST_OF_ONE of a digest."""
    return [found for digest in _scheduled() for found in islice(_not_planned(digest, start, end), MOST_OF_ONE)]


def overdue(now: datetime) -> list[Occurrence]:
    """The first moment of each digest that passed PATIENCE ago without having been planned, skipped or missed."""
    looked_at = Q(checked_through__gte=now - PATIENCE)
    return [
        Occurrence(digest, min(moments))
        for digest in _scheduled().filter(periodic_task__enabled=True).exclude(looked_at)
        if (moments := list(_forgotten(digest, now)))
    ]


def _scheduled() -> QuerySet[Digest]:
    return Digest.objects.filter(periodic_task__isnull=False).select_related("list", "periodic_task__crontab")


def _not_planned(digest: Digest, start: datetime, end: datetime) -> Iterator[Occurrence]:
    schedule = rule_of(digest)
    if schedule is None:
        return
    since = max(start - timedelta(microseconds=1), digest.checked_through or digest.created_at)
    try:
        for moment in upcoming(*schedule, since, MOST_OF_ONE):
            if moment < end and is_in_force(digest, moment):
                yield Occurrence(digest, moment)
    except InvalidSchedule:
        return  # planning says so at each tick


def _forgotten(digest: Digest, now: datetime) -> Iterator[datetime]:
    schedule = rule_of(digest)
    if schedule is None:
        return
    cron, zone = schedule
    since = max(digest.checked_through or digest.created_at, now - LOOK_BACK)
    try:
        for zone_in_use in _zones_of(digest, now) if digest.in_recipients_zone else [zone]:
            for moment in due(cron, zone_in_use, since, now - PATIENCE):
                if is_in_force(digest, moment):
                    yield moment.astimezone(ZoneInfo(zone_in_use))
    except InvalidSchedule:
        return


def _zones_of(digest: Digest, now: datetime) -> list[str]:
    """The zones in which the digest went lately: to ask a million recipients for theirs takes seconds."""
    lately = Mailing.objects.filter(digest=digest, scheduled_for__gte=now - LOOK_BACK)
    return sorted({digest.list.time_zone, *lately.order_by().values_list("time_zone", flat=True).distinct()})
