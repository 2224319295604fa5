"""Which moments a schedule names: pure functions of its crontab, or line, of a time zone and of two times."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from celery.schedules import ParseException, crontab
from cronsim import CronSim, CronSimError

from mailer.scheduling.bells import moments_of

#: What a search through a schedule that never comes (30 February) may cost.
HORIZON = timedelta(days=366)


class InvalidSchedule(ValueError):
    """The crontab can't be read; the message says why."""


def due(cron: str, zone: str, since: datetime, now: datetime) -> list[datetime]:
    """The moments after `since`, up to and with `now`, in UTC, at which the crontab strikes on the zone's clocks.

    `cron` has Celery's syntax in the usual order: minute, hour, day of month, month, day of week. An hour that a clock
    change skips strikes right after the gap, one that it repeats strikes once, as Debian's cron does. A line of
    `bells` is taken in its place, and knows no zones.
    Raises InvalidSchedule.
    """
    found = []
    for moment in _moments(cron, zone, since):
        if moment > now:
            break
        found.append(moment)
    return found


def is_first_since(weekday: int, moment: datetime, cron: str, zone: str) -> bool:
    """Whether the crontab strikes at the moment for the first time since the weekday (0 is Monday) last began.

    By the clocks of the zone; the moment's own day counts. Raises InvalidSchedule.
    """
    local = moment.astimezone(ZoneInfo(zone))
    began = local.replace(hour=0, minute=0, second=0, microsecond=0)
    began -= timedelta(days=(local.weekday() - weekday) % 7)
    before = began.astimezone(UTC) - timedelta(microseconds=1)
    return due(cron, zone, before, moment)[:1] == [moment]


def upcoming(cron: str, zone: str, now: datetime, count: int) -> list[datetime]:
    """The next `count` moments after `now`, in the zone; fewer if the year holds no more. Raises InvalidSchedule."""
    found: list[datetime] = []
    for moment in _moments(cron, zone, now):
        if len(found) == count or moment > now + HORIZON:
            break
        found.append(moment.astimezone(ZoneInfo(zone)))
    return found


def _moments(cron: str, zone: str, after: datetime) -> Iterator[datetime]:
    return moments_of(cron, after) if cron.startswith("@") else _struck(cron, zone, after)


def _struck(cron: str, zone: str, after: datetime) -> Iterator[datetime]:
    parsed = _parsed(cron)
    try:
        for moment in CronSim(parsed.expression, after.astimezone(ZoneInfo(zone))):
            if moment.isoweekday() % 7 in parsed.weekdays and not _replaces_a_day(moment, parsed):
                yield moment.astimezone(UTC)
            elif moment.astimezone(UTC) > after + HORIZON:
                return
    except CronSimError as error:
        raise InvalidSchedule(f"{cron!r} is not a schedule: {error}") from error


def _replaces_a_day(moment: datetime, parsed: "_Parsed") -> bool:
    """Whether the moment stands for one on a date that the zone never had, as Samoa's 30 December 2011."""
    midnight = (moment.hour, moment.minute) == (0, 0)
    return midnight and not (0 in parsed.hours and 0 in parsed.minutes)


@dataclass(frozen=True)
class _Parsed:
    """A crontab for cronsim without its weekdays, and these: Celery wants both days to match, cron either."""

    expression: str
    minutes: frozenset[int]
    hours: frozenset[int]
    weekdays: frozenset[int]


@lru_cache(maxsize=256)
def _parsed(cron: str) -> _Parsed:
    try:
        minute, hour, day, month, weekday = cron.split()
        schedule: Any = crontab(minute=minute, hour=hour, day_of_month=day, month_of_year=month, day_of_week=weekday)
    except (ParseException, ValueError) as error:
        raise InvalidSchedule(f"{cron!r} is not a schedule: {error}") from error
    expression = " ".join(
        [
            _field(schedule.minute, 60),
            _field(schedule.hour, 24),
            _field(schedule.day_of_month, 31),
            _field(schedule.month_of_year, 12),
            "*",
        ]
    )
    return _Parsed(expression, frozenset(schedule.minute), frozenset(schedule.hour), frozenset(schedule.day_of_week))


def _field(values: set[int], size: int) -> str:
    return "*" if len(values) == size else ",".join(map(str, sorted(values)))
