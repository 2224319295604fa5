"""Mails by the hour, from the figures that senders keep up."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db.models import Sum

from mailer.models import Tally


@dataclass(frozen=True)
class Hour:
    """What became of mails in an hour."""

    start: datetime
    sent: int = 0
    failed: int = 0
    skipped: int = 0
    uncertain: int = 0
    retry: int = 0

    @property
    def lost(self) -> int:
        """Those that failed or may not have arrived; never below zero, as a correction of an earlier hour may be."""
        return max(self.failed + self.uncertain, 0)

    @property
    def tried(self) -> int:
        """Those that came to an end with a mail server."""
        return self.sent + self.lost


def last_hours(now: datetime, count: int = 24) -> list[Hour]:
    """The last `count` hours, oldest first, the present one included, also those without mail."""
    present = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    starts = [present - timedelta(hours=back) for back in range(count - 1, -1, -1)]
    by_hour = Tally.objects.filter(hour__gte=starts[0]).order_by().values_list("hour")
    sums = by_hour.annotate(*(Sum(name) for name in Tally.FIGURES))
    counted = {hour: Hour(hour, *figures) for hour, *figures in sums}
    return [counted.get(start, Hour(start)) for start in starts]


def failure_share(hours: Sequence[Hour]) -> float | None:
    """What share, from 0 to 1, of the mails of these hours failed or is uncertain; None where there were none."""
    tried = sum(hour.tried for hour in hours)
    return sum(hour.lost for hour in hours) / tried if tried else None
