"""Beat's schedules that are no crontab, as a line of text, and the moments that such a line names.

`@every 600 2026-11-26T12:00:00+00:00`, `@once 2026-11-26T12:00:00+00:00`, `@sunset 52.52 13.4`.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from celery.schedules import solar
from django_celery_beat.models import PeriodicTask

#: The sun does not set for months near the poles; longer than this nobody looks for it.
_DAYS_LOOKED_AT = 367
_SHORTEST = timedelta(minutes=1)


class Unusable(ValueError):
    """The periodic task has no schedule, or one that is too quick for a digest; the message says which."""


def line_of(task: PeriodicTask, began: datetime) -> str:
    """The task's interval, clocked or solar schedule. `began` is from when an interval counts. Raises Unusable."""
    if task.interval is not None:
        every = timedelta(**{task.interval.period: task.interval.every})
        if every < _SHORTEST:
            raise Unusable("A digest can't go more often than once a minute; choose a longer interval.")
        start = (task.start_time or began).replace(microsecond=0)
        return f"@every {every.total_seconds():.0f} {start.astimezone(UTC).isoformat()}"
    if task.clocked is not None:
        return f"@once {task.clocked.clocked_time.astimezone(UTC).isoformat()}"
    if task.solar is not None:
        return f"@{task.solar.event} {task.solar.latitude} {task.solar.longitude}"
    raise Unusable("A digest goes by a schedule; choose a crontab, an interval, a clocked or a solar one.")


def moments_of(line: str, after: datetime) -> Iterator[datetime]:
    """The moments later than `after` that the line names, in UTC. Raises ValueError for a line that is none."""
    kind, *words = line.removeprefix("@").split()
    if kind == "once":
        moment = datetime.fromisoformat(words[0])
        if moment > after:
            yield moment
    elif kind == "every":
        yield from _regular(timedelta(seconds=int(words[0])), datetime.fromisoformat(words[1]), after)
    else:
        yield from _by_the_sun(kind, float(words[0]), float(words[1]), after)


def line_in_words(line: str) -> str:
    """For people, such as `every 2 h` or `at sunset (52.52, 13.4)`."""
    kind, *words = line.removeprefix("@").split()
    if kind == "once":
        return f"once, {datetime.fromisoformat(words[0]):%a %-d %b %Y %H:%M} UTC"
    if kind == "every":
        minutes = int(words[0]) // 60
        for size, unit in ((1440, "days"), (60, "h"), (1, "min")):
            if minutes % size == 0:
                return f"every {minutes // size} {unit}"
    return f"at {kind.replace('_', ' ')} ({', '.join(words)})"


def _regular(every: timedelta, start: datetime, after: datetime) -> Iterator[datetime]:
    """The start is the first."""
    count = max(0, (after - start) // every + 1)
    while True:
        yield start + every * count
        count += 1


def _by_the_sun(event: str, latitude: float, longitude: float, after: datetime) -> Iterator[datetime]:
    """Found as Celery finds them, with its tables; days on which it does not happen are left out.

    Each is looked for from the midnight before it: from other times it is found some tenths of a second elsewhere.
    """
    rule: Any = solar(cast("Any", event), latitude, longitude)
    find, center = getattr(rule.cal, rule.method), {"use_center": True} if rule.use_center else {}
    midnight = after.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    for day in (midnight + timedelta(days=days) for days in range(_DAYS_LOOKED_AT)):
        try:
            found = find(rule.ephem.Sun(), start=rule.ephem.Date(day), **center).datetime()
        except rule.ephem.CircumpolarError:
            continue
        moment = found.replace(tzinfo=UTC, microsecond=0)
        if moment > after and moment < day + timedelta(days=1):
            yield moment
