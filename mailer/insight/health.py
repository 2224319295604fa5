"""Looks at everything that tells whether all goes well."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import QuerySet

from mailer.insight.broker import queue_depths
from mailer.insight.life import read_life
from mailer.insight.problems import MISSED_FOR, View
from mailer.models import Digest, Mailing, RelayPause

#: No digest that was due longer ago is looked for: planning does not look further back either.
LOOK_BACK = timedelta(days=31)


def look(overdue: Sequence[tuple[Digest, datetime]], now: datetime, watched_since: datetime | None = None) -> View:
    """All that `find_problems` wants to know. `overdue` comes from the schedules, which are not read here."""
    return View(
        life=read_life(),
        depths=queue_depths(),
        pauses=list(RelayPause.objects.all()[:5]),
        missed=list(_missed(now)),
        overdue=overdue,
        watched_since=watched_since,
    )


def _missed(now: datetime) -> QuerySet[Mailing]:
    """By the small index of mailings to lists."""
    lately = Mailing.objects.filter(list__isnull=False, scheduled_for__gte=now - LOOK_BACK)
    missed = lately.filter(status=Mailing.Status.MISSED, finished_at__gte=now - MISSED_FOR)
    return missed.select_related("digest", "list").defer("context")
