"""What waits to be sent, and since when, by the indexes of open rows alone."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, F, OuterRef, Q, Sum

from mailer.insight.pacing import CAP, count_held
from mailer.models import Delivery, Mailing
from mailer.models.literals import Literal
from mailer.models.mailings import NAMED


@dataclass(frozen=True)
class Backlog:
    """What is in the queue, in deliveries."""

    waiting: int  #: in mailings that are being sent or about to be
    held: int  #: in mailings that somebody paused
    paced: int  #: of those that wait, how many wait for a sending limit, at most CAP
    later: int  #: and how many have a time that is still to come; 0 if so many wait for a limit that nobody can tell
    oldest: Mailing | None  #: the mailing that has had mails unsent for the longest time


def backlog(now: datetime) -> Backlog:
    """How much waits at `now`."""
    final = F("sent") + F("failed") + F("skipped") + F("bounced") + F("uncertain") + F("cancelled")
    paused = Q(status=Mailing.Status.PAUSED)
    sums = Mailing.objects.open().aggregate(
        waiting=Sum(F("planned") - final, filter=~paused), held=Sum(F("planned") - final, filter=paused)
    )
    paced = count_held()
    later = 0 if paced == CAP else max(_later(now) - paced, 0)  # those that wait for a limit are not due either
    return Backlog(max(sums["waiting"] or 0, 0), max(sums["held"] or 0, 0), paced, later, _oldest(now))


def _later(now: datetime) -> int:
    """By the partial index on the next attempt's time."""
    queued = Delivery.objects.filter(status=Literal("queued"), next_attempt_at__gt=now)
    return queued.order_by()[:CAP].count()


def _oldest(now: datetime) -> Mailing | None:
    unsent = Delivery.objects.open().filter(mailing=OuterRef("pk"))
    due = Mailing.objects.open().filter(Exists(unsent), status=Mailing.Status.SENDING, scheduled_for__lte=now)
    due = due.filter(Q(spread_until=None) | Q(spread_until__lte=now))
    return due.select_related(*NAMED).order_by("scheduled_for").first()
