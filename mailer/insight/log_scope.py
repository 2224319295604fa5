"""Where in the log a search must look: in which mailings, and at how many rows of each."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from heapq import merge

from django.db.models import QuerySet
from django.utils import timezone

from mailer.insight.log_walks import Mailings
from mailer.models import Delivery, Mailing, Subscription
from mailer.models.deliveries import FIRST_ERROR_CODE
from mailer.models.mailings import MailingQuerySet

#: How many mailings are loaded at once.
CHUNK = 1_000

#: In which of a mailing's sums a state is counted.
_SUM_OF = {name: name for name in ("sent", "failed", "skipped", "bounced", "uncertain", "cancelled")}
_SUM_OF |= {"complained": "bounced"}


@dataclass(frozen=True)
class LogFilter:
    """What is looked for; None and "" ask for nothing."""

    day: date | None = None  #: on which the mailing was due, in the active time zone
    list_id: int | None = None
    mailing_id: int | None = None
    status: str = ""  #: of Delivery.Status
    reason: str = ""  #: of Delivery.Reason
    domain: str = ""  #: what is behind the @, as it was typed
    smtp_code: int | None = None

    @property
    def is_open(self) -> bool:
        """Whether what is looked for is not final."""
        return self.status == Delivery.Status.QUEUED

    @property
    def ended_otherwise(self) -> bool:
        """Whether what is looked for is final and not sent."""
        return bool(self.status) and not self.is_open and self.status != Delivery.Status.SENT

    @property
    def is_refused(self) -> bool:
        """Whether the code that is looked for is an error's."""
        return self.smtp_code is not None and self.smtp_code >= FIRST_ERROR_CODE

    @property
    def is_impossible(self) -> bool:
        """Whether no mail can be so: what was sent has the mail server's yes, and no reason."""
        return self.status == Delivery.Status.SENT and bool(self.is_refused or self.reason)

    @property
    def is_scattered(self) -> bool:
        """Whether the index of what is rare says not all that is asked, so that each row must be fetched."""
        return (self.is_refused or bool(self.reason)) and bool(self.status or (self.is_refused and self.reason))


def mailings_to_search(wanted: LogFilter, people: list[int] | None) -> Mailings | None:
    """The mailings in which something may be found, newest first; None for the whole log.

    `people` are the only recipients that matter, or None.
    """
    mailings = mailings_of(wanted)
    if people is None:
        if wanted.is_open or wanted.mailing_id or wanted.list_id or wanted.day:
            return lambda up_to: _newest_first(mailings, up_to)
        return None
    lists = list(Subscription.objects.filter(recipient__in=people).values_list("list_id", flat=True).distinct())
    to_lists, single = mailings.filter(list_id__in=lists), mailings.filter(recipient__in=people)
    return lambda up_to: merge(
        _newest_first(to_lists, up_to), _newest_first(single, up_to), key=lambda mailing: -mailing.pk
    )


def rows_to_search(wanted: LogFilter, people: list[int] | None) -> Callable[[Mailing], int]:
    """How many rows of a mailing must be looked at, at most: what the index holds of it, or one a person."""

    def count(mailing: Mailing) -> int:
        if wanted.is_open:
            rows = mailing.waiting
        elif wanted.ended_otherwise:
            rows = getattr(mailing, _SUM_OF[wanted.status])
        elif wanted.reason or wanted.is_refused:
            rows = mailing.planned - mailing.sent
        else:
            rows = mailing.planned
        return rows if people is None else min(rows, len(people))

    return count


def mailings_of(wanted: LogFilter) -> MailingQuerySet:
    """Those that the filters leave, by their day, list, number and sums."""
    mailings = Mailing.objects.filter(planned__gt=0)
    if wanted.mailing_id is not None:
        mailings = mailings.filter(pk=wanted.mailing_id)
    if wanted.list_id is not None:
        mailings = mailings.filter(list_id=wanted.list_id)
    if wanted.day is not None:
        midnights = (datetime.combine(wanted.day + timedelta(days=days), time.min) for days in (0, 1))
        start, end = map(timezone.make_aware, midnights)
        mailings = mailings.filter(scheduled_for__gte=start, scheduled_for__lt=end)
    if wanted.is_open:
        return mailings.open()
    return mailings.filter(**{f"{_SUM_OF[wanted.status]}__gt": 0}) if wanted.status else mailings


def _newest_first(mailings: QuerySet[Mailing], up_to: int | None) -> Iterator[Mailing]:
    if up_to is not None:
        mailings = mailings.filter(pk__lte=up_to)
    rows = mailings.only("pk", "planned", *_SUM_OF.values()).order_by("-pk")
    chunk = list(rows[:CHUNK])
    while chunk:
        yield from chunk
        chunk = list(rows.filter(pk__lt=chunk[-1].pk)[:CHUNK]) if len(chunk) == CHUNK else []
