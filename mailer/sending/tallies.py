"""Counts mails by the hour as their outcomes are written down, so that no page has to count them."""

from collections.abc import Mapping
from datetime import UTC, datetime

from django.db import connection, transaction
from django.db.models import Count

from mailer.models import Tally
from mailer.sending.promptness import Promptness

#: How many rows of an hour are folded at a time.
STEP = 5_000
_COLUMNS = ("hour", "is_single", *Tally.FIGURES, *Tally.DELAYS)
_INSERT = "INSERT INTO mailer_tally ({columns}) VALUES ({places})"
_ADD = _INSERT.format(columns=", ".join(_COLUMNS), places=", ".join(["%s"] * len(_COLUMNS)))


def tally(done: Mapping[str, int], now: datetime, prompt: Promptness | None = None) -> None:
    """Add a group's outcomes to the hour of `now`: a row of its own, so that no sender waits for another.

    `prompt` says how late those were that were sent.
    """
    figures = [done.get(name, 0) for name in Tally.FIGURES]
    if any(figures):
        delays = prompt.figures if prompt else {}
        hour = connection.ops.adapt_datetimefield_value(hour_of(now))
        values = [hour, bool(prompt and prompt.is_single), *figures, *(delays.get(name, 0) for name in Tally.DELAYS)]
        with connection.cursor() as cursor:
            cursor.execute(_ADD, values)


def fold_tallies() -> None:
    """Make one row of each hour's many, or two: one of single mails, one of lists'.

    Safe to do twice at once: who comes second finds nothing to fold.
    """
    hours = Tally.objects.order_by().values("hour", "is_single").annotate(rows=Count("pk")).filter(rows__gt=1)
    for hour in list(hours.values_list("hour", "is_single")):
        _fold(*hour)


def hour_of(moment: datetime) -> datetime:
    """The beginning of the moment's hour."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _fold(hour: datetime, is_single: bool) -> None:
    with transaction.atomic():
        rows = list(Tally.objects.select_for_update().filter(hour=hour, is_single=is_single).order_by("pk")[:STEP])
        if len(rows) < 2:
            return
        sums = {name: sum(getattr(row, name) for row in rows) for name in Tally.FIGURES + Tally.DELAYS}
        Tally.objects.filter(pk__in=[row.pk for row in rows]).delete()
        Tally.objects.create(hour=hour, is_single=is_single, **sums)
