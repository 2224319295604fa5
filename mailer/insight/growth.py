"""How a list has grown: who joined and who left, day by day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from django.db import connection

from mailer.models import RecipientList

#: As many days are shown, today included.
DAYS = 90

# A range of an index for each day: grouping by date would ask SQLite for a Python call a row.
_COUNT = """
WITH day (number, begins, ends) AS (VALUES {rows})
SELECT number, (
  SELECT COUNT(*) FROM mailer_subscription AS subscription
  WHERE subscription.list_id = %s AND subscription.{field} >= day.begins AND subscription.{field} < day.ends)
FROM day ORDER BY number
"""


@dataclass(frozen=True)
class Day:
    """One day of the list's own calendar."""

    day: date
    joined: int
    left: int  #: of those who are still gone


@dataclass(frozen=True)
class Bar:
    """A day's two bars in a chart whose middle line is at 0: up for who joined, down for who left, each up to 100."""

    place: int
    up: float
    down: float
    day: Day


@dataclass(frozen=True)
class Growth:
    """The days, oldest first, and their sums."""

    days: list[Day]

    @property
    def joined(self) -> int:
        """Over all days."""
        return sum(day.joined for day in self.days)

    @property
    def left(self) -> int:
        """Over all days."""
        return sum(day.left for day in self.days)

    @property
    def most(self) -> int:
        """The largest number of a day, at least 1: what the bars are measured by."""
        return max(1, *(max(day.joined, day.left) for day in self.days))

    def bars(self) -> list[Bar]:
        """The days on which something happened, as a chart shows them."""
        scale = 100 / self.most
        moving = [(place, day) for place, day in enumerate(self.days) if day.joined or day.left]
        return [Bar(place, day.joined * scale, day.left * scale, day) for place, day in moving]


def growth_of(mailing_list: RecipientList, now: datetime) -> Growth:
    """The last DAYS days; each count is read from an index alone."""
    zone = ZoneInfo(mailing_list.time_zone)
    first = now.astimezone(zone).date() - timedelta(days=DAYS - 1)
    days = [first + timedelta(days=number) for number in range(DAYS)]
    midnights = [datetime.combine(day, time(), zone) for day in (*days, first + timedelta(days=DAYS))]
    joined = _by_day(mailing_list, "subscribed_at", midnights)
    left = _by_day(mailing_list, "unsubscribed_at", midnights)
    return Growth([Day(day, *counts) for day, *counts in zip(days, joined, left, strict=True)])


def _by_day(mailing_list: RecipientList, field: str, midnights: Sequence[datetime]) -> list[int]:
    """How many rows lie between each two midnights."""
    adapted = [connection.ops.adapt_datetimefield_value(midnight) for midnight in midnights]
    rows = ", ".join(["(%s, %s, %s)"] * (len(midnights) - 1))
    values = [value for number, bounds in enumerate(pairwise(adapted)) for value in (number, *bounds)]
    with connection.cursor() as cursor:
        cursor.execute(_COUNT.format(rows=rows, field=field), [*values, mailing_list.pk])
        return [count for _, count in cursor.fetchall()]
