"""What is promised about when mails leave, and how far it is kept, from the figures that senders keep up."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Sum

from mailer.models import Tally

#: Kind → so many seconds after its time a mail is to be taken by the mail server, at the latest.
PROMISED = {"single": 10, "list": 300}


@dataclass(frozen=True)
class Delays:
    """The delays of one kind of mails over some time."""

    kind: str  #: "single": one mail to one person; "list": digests and announcements
    buckets: list[tuple[str, int]]  #: up to so many seconds → how many mails, with those of smaller delays
    seconds: float  #: of all together

    @property
    def count(self) -> int:
        """All mails."""
        return self.buckets[-1][1]

    @property
    def promised(self) -> int:
        """Seconds."""
        return PROMISED[self.kind]

    @property
    def kept(self) -> float | None:
        """The share, from 0 to 1, of mails that left as promised; None where there were none."""
        return dict(self.buckets)[str(self.promised)] / self.count if self.count else None

    @property
    def percent(self) -> float | None:
        """The same in percent, cut and not rounded: 100 only where none was late."""
        return None if self.kept is None else int(self.kept * 10_000) / 100


def delays_since(start: datetime) -> Iterator[Delays]:
    """Of each kind, those of the hours that began at `start` or later."""
    rows = Tally.objects.filter(hour__gte=start).order_by().values_list("is_single")
    sums = {single: figures for single, *figures in rows.annotate(*(Sum(name) for name in Tally.DELAYS))}
    for kind, single in (("single", True), ("list", False)):
        *counts, seconds = sums.get(single, [0] * len(Tally.DELAYS))
        bounds = [*map(str, Tally.BOUNDS), "+Inf"]
        buckets = [(bound, sum(counts[: place + 1])) for place, bound in enumerate(bounds)]
        yield Delays(kind, buckets, seconds)


def promises(now: datetime) -> list[Delays]:
    """How far they were kept in the last 24 hours; kinds without mail are left out."""
    return [delays for delays in delays_since(now - timedelta(hours=24)) if delays.count]
