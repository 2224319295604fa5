"""Looks at everything that tells whether all goes well."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet

from mailer.insight.broker import queue_depths
from mailer.insight.life import read_life
from mailer.insight.problems import MISSED_FOR, View
from mailer.models import Digest, Feed, Mailing, RelayPause, Return, SourceState, WebhookEndpoint
from mailer.models.literals import Literal

#: No digest that was due longer ago is looked for: planning does not look further back either.
LOOK_BACK = timedelta(days=31)
#: So long mails that came back are told of.
TOLD_FOR = timedelta(days=1)
#: Of so many that were blocked the domains are counted; it is asked each half minute.
MOST_BLOCKED = 1_000
#: More are not told of one by one: when nothing can be read, it is our network.
MOST_FEEDS = 5


def look(overdue: Sequence[tuple[Digest, datetime]], now: datetime, watched_since: datetime | None = None) -> View:
    """All that `find_problems` wants to know. `overdue` comes from the schedules, which are not read here."""
    blocked, since = _blocked(now)
    return View(
        life=read_life(),
        depths=queue_depths(),
        pauses=list(RelayPause.objects.all()[:5]),
        missed=list(_missed(now)),
        overdue=overdue,
        watched_since=watched_since,
        alarmed=list(_alarmed(now)),
        blocked=blocked,
        blocked_since=since,
        feeds=list(Feed.objects.troubled().select_related("list").defer("recent", "left_out")[:MOST_FEEDS]),
        # Of a source that the digest no longer has nothing is told.
        sources=[state for state in SourceState.objects.failing() if state.name in state.digest.sources][:5],
        webhooks=list(WebhookEndpoint.objects.troubled(now)[:5]),
    )


def _alarmed(now: datetime) -> QuerySet[Mailing]:
    """By the same index."""
    lately = Mailing.objects.filter(list__isnull=False, scheduled_for__gte=now - LOOK_BACK, alarmed_at__isnull=False)
    told = Q(status=Mailing.Status.PAUSED) | Q(alarmed_at__gte=now - TOLD_FOR)
    return lately.filter(told).select_related("digest", "list", "announcement").defer("context")


def _blocked(now: datetime) -> tuple[list[tuple[str, int]], datetime | None]:
    """At which domains mails of the last day were refused as unwanted, how many, and since when; of the newest."""
    blocked = Return.objects.filter(outcome=Literal("blocked"), at__gte=now - TOLD_FOR).order_by("-at")
    rows = list(blocked.values_list("delivery__recipient__email", "at")[:MOST_BLOCKED])
    domains = Counter(email.partition("@")[2] for email, _ in rows)
    return domains.most_common(), rows[-1][1] if rows else None


def _missed(now: datetime) -> QuerySet[Mailing]:
    """By the small index of mailings to lists."""
    lately = Mailing.objects.filter(list__isnull=False, scheduled_for__gte=now - LOOK_BACK)
    missed = lately.filter(status=Mailing.Status.MISSED, finished_at__gte=now - MISSED_FOR)
    return missed.select_related("digest", "list").defer("context")
