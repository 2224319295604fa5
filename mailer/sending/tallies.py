"""Counts mails by the hour as their outcomes are written down, so that no page has to count them."""

from collections.abc import Mapping
from datetime import UTC, datetime

from django.db import transaction
from django.db.models import Count

from mailer.models import Tally

#: How many rows of an hour are folded at a time.
STEP = 5_000


def tally(done: Mapping[str, int], now: datetime) -> None:
    """Add a group's outcomes to the hour of `now`: a row of its own, so that no sender waits for another."""
    figures = {name: done[name] for name in Tally.FIGURES if done.get(name)}
    if figures:
        Tally.objects.create(hour=hour_of(now), **figures)


def fold_tallies() -> None:
    """Make one row of each hour's many. Safe to do twice at once: who comes second finds nothing to fold."""
    hours = Tally.objects.order_by().values("hour").annotate(rows=Count("pk")).filter(rows__gt=1)
    for hour in list(hours.values_list("hour", flat=True)):
        _fold(hour)


def hour_of(moment: datetime) -> datetime:
    """The beginning of the moment's hour."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _fold(hour: datetime) -> None:
    with transaction.atomic():
        rows = list(Tally.objects.select_for_update().filter(hour=hour).order_by("pk")[:STEP])
        if len(rows) < 2:
            return
        sums = {name: sum(getattr(row, name) for row in rows) for name in Tally.FIGURES}
        Tally.objects.filter(pk__in=[row.pk for row in rows]).delete()
        Tally.objects.create(hour=hour, **sums)
