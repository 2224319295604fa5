"""Today's digests: what is due, runs, is done or was missed, each in one line of words."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Model, QuerySet
from django.utils import timezone

from mailer.insight.outcomes import lateness
from mailer.insight.words import clock, count_of, how_long
from mailer.models import Digest, Mailing
from mailer.models.mailings import NAMED

#: No page shows more lines, nor looks at more mailings.
MOST_LINES = 50
MOST_MAILINGS = 500
#: The worst first: by these a digest that goes by each recipient's clock has one state for its many mailings.
WORST_FIRST = ("missed", "paused", "sending", "planned", "cancelled", "done", "skipped")


@dataclass(frozen=True)
class Line:
    """A digest, or an announcement, at one time of today."""

    what: str
    moment: datetime
    state: str  #: a mailing's status; `due` or `overdue` for what is not planned yet
    words: str
    target: Model  #: whose page says more


def day_of(now: datetime) -> tuple[datetime, datetime]:
    """The beginning of the day of `now`, and that of the next, by the active zone's clocks."""
    midnight = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    noon_tomorrow = midnight + timedelta(hours=36)  # a day has 23 to 25 hours
    return midnight, noon_tomorrow.replace(hour=0)


def todays_lines(to_come: Iterable[tuple[Digest, datetime]], now: datetime, overdue_from: datetime) -> list[Line]:
    """What the day brought and brings, in the order of its hours, at most MOST_LINES.

    `to_come` are the moments that nobody has planned yet; those up to `overdue_from` should have been.
    """
    start, end = day_of(now)
    lines = [*_planned_lines(mailings_between(start, end)), *_lines_to_come(to_come, now, overdue_from)]
    return sorted(lines, key=lambda line: line.moment)[:MOST_LINES]


def mailings_between(start: datetime, end: datetime) -> QuerySet[Mailing]:
    """The mailings to lists that are due from `start` until before `end`, the last ones if there are many."""
    to_lists = Mailing.objects.filter(list__isnull=False, scheduled_for__gte=start, scheduled_for__lt=end)
    named = to_lists.select_related(*NAMED)
    return named.defer("context", "version__html", "version__text", "version__sample").order_by("-scheduled_for")[
        :MOST_MAILINGS
    ]


def _planned_lines(mailings: Iterable[Mailing]) -> Iterator[Line]:
    by_clock: defaultdict[int, list[Mailing]] = defaultdict(list)
    for mailing in mailings:
        if mailing.is_local and mailing.digest_id is not None:
            by_clock[mailing.digest_id].append(mailing)
        else:
            yield _line_of(mailing)
    yield from map(_line_of_zones, by_clock.values())


def _line_of(mailing: Mailing) -> Line:
    return Line(mailing.name, mailing.scheduled_for, mailing.status, _so_far(mailing), mailing)


def _line_of_zones(mailings: Sequence[Mailing]) -> Line:
    """One line for the mailings of a digest that goes at the same hour in each zone."""
    state = min((mailing.status for mailing in mailings), key=WORST_FIRST.index)
    sent, planned = (sum(getattr(mailing, figure) for mailing in mailings) for figure in ("sent", "planned"))
    worst = sum(mailing.status == state for mailing in mailings)
    zones = f"{worst:,} of {count_of(len(mailings), 'time zone')} {state}" if len(mailings) > 1 else "one time zone"
    words = f"{zones}; {sent:,} of {count_of(planned, 'mail')} sent"
    first = min(mailings, key=lambda mailing: mailing.scheduled_for)
    target: Model = first.digest if first.digest and len(mailings) > 1 else first
    return Line(first.name, first.scheduled_for, state, words, target)


def _lines_to_come(to_come: Iterable[tuple[Digest, datetime]], now: datetime, overdue_from: datetime) -> Iterator[Line]:
    for digest, moment in to_come:
        if digest.paused:
            yield Line(digest.name, moment, "paused", "paused: it will be skipped", digest)
        elif moment <= overdue_from:
            late = how_long(now - moment)
            yield Line(digest.name, moment, "overdue", f"{clock(moment)} passed without its run, {late} ago", digest)
        else:
            yield Line(digest.name, moment, "due", _until(moment, now), digest)


def _until(moment: datetime, now: datetime) -> str:
    return f"in {how_long(moment - now)}" if moment > now else "about to begin"


def _so_far(mailing: Mailing) -> str:
    status = Mailing.Status
    sent = f"{mailing.sent:,} of {count_of(mailing.planned, 'mail')} sent"
    if mailing.status in (status.SKIPPED, status.MISSED, status.CANCELLED):
        return mailing.reason or sent
    not_sent = mailing.failed + mailing.bounced + mailing.uncertain
    parts = [sent, f"{not_sent:,} failed or uncertain" if not_sent else "", lateness(mailing)]
    return ", ".join(filter(None, parts))
