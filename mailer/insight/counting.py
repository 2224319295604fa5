"""Counts a closed mailing's figures, in bounded pieces: by reason, by domain, and mails a minute while it ran."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

from django.db.models import Count, Max, Q, QuerySet
from django.db.models.functions import TruncMinute

from mailer.models import Delivery, Domain, Mailing, MailingFigures
from mailer.models.figures import uncounted
from mailer.models.sums import FINAL

#: How many deliveries one statement counts at most.
STEP = 50_000
#: After this whoever began to count is taken for dead; Celery's time limit ends a task before.
PATIENCE = timedelta(minutes=20)
#: How many domains and how many slow minutes are kept, and how many bars the chart of the minutes has at most.
TOP_DOMAINS, SLOWEST, BARS = 12, 5, 90
#: So many domains are counted at once; where there are more, the rarest so far are let go.
MOST_DOMAINS = 100_000

Deliveries = QuerySet[Delivery]


def uncounted_mailings(now: datetime) -> list[int]:
    """The mailings whose figures have to be counted, the newest first."""
    return list(uncounted(now - PATIENCE).order_by("-pk").values_list("pk", flat=True)[:100])


def count_figures(mailing_id: int, now: datetime) -> bool:
    """Count them unless somebody does, or they are as they should be. Returns whether they were counted.

    What changes meanwhile is in the mailing's sums, so these, read before, tell the next tick to count again. All rows
    are walked through only if mails went out since the last time; else only those that ended otherwise than sent.
    """
    MailingFigures.objects.get_or_create(mailing_id=mailing_id)
    mailing = uncounted(now - PATIENCE).filter(pk=mailing_id).first()
    if mailing is None or not _begin(mailing_id, now):
        return False
    before = MailingFigures.objects.get(pk=mailing_id)
    is_same_run = before.as_of is not None and before.finished_at == mailing.finished_at
    counted = before.counted if is_same_run else _count_all(mailing)
    counted |= _count_exceptions(mailing, [domain for domain, _ in counted["domains"]])
    sums = {name: getattr(mailing, name) for name in ("planned", *FINAL)}
    ours = MailingFigures.objects.filter(pk=mailing_id, begun_at=now)
    done = ours.update(as_of=now, begun_at=None, finished_at=mailing.finished_at, counted=counted, **sums)
    return done == 1


def _begin(mailing_id: int, now: datetime) -> bool:
    """Take it for this count. What is stale is so until now; what changes from here on says so again."""
    free = MailingFigures.objects.filter(Q(begun_at=None) | Q(begun_at__lt=now - PATIENCE), pk=mailing_id)
    return free.update(begun_at=now, is_stale=False) == 1


def _count_all(mailing: Mailing) -> dict[str, Any]:
    domains: Counter[str] = Counter()
    minutes: Counter[datetime] = Counter()
    last = None
    for piece in _pieces(Delivery.objects.filter(mailing=mailing.pk)):
        domains.update(dict(_by_domain(piece)))
        if len(domains) > MOST_DOMAINS:
            domains = Counter(dict(domains.most_common(MOST_DOMAINS // 2)))
        # What staff sent once more begins with its first attempt too.
        ran = piece.filter(attempts=1, sent_at__lte=mailing.first_finished_at or mailing.finished_at)
        by_minute = ran.annotate(minute=TruncMinute("sent_at", tzinfo=UTC)).values_list("minute")
        for minute, count, latest in by_minute.annotate(Count("pk"), Max("sent_at")):
            minutes[minute] += count
            last = max(last or latest, latest)
    run = _run(mailing.started_at, last, minutes) if last else {}
    top = domains.most_common(TOP_DOMAINS)
    if len(domains) > TOP_DOMAINS:
        top = [(domain, count) for domain, count in top if count > 1]  # which of the single ones would be chance
    return {"domains": top, "run": run}


def _count_exceptions(mailing: Mailing, top: list[str]) -> dict[str, Any]:
    """By state and reason, and by state at the domains that are named."""
    reasons: Counter[tuple[str, str]] = Counter()
    ended: dict[str, Counter[str]] = {domain: Counter() for domain in top}
    for status in Delivery.Status:
        if status in (Delivery.Status.QUEUED, Delivery.Status.SENT):
            continue
        for piece in _pieces(Delivery.objects.ended_otherwise().filter(mailing=mailing.pk, status=status)):
            for reason, count in piece.values_list("reason").annotate(Count("pk")):
                reasons[status.value, reason] += count
            for domain, count in _by_domain(piece.alias(at=Domain("recipient__email")).filter(at__in=top)):
                ended[domain][status.value] += count
    by_count = [[status, reason, count] for (status, reason), count in reasons.most_common()]
    return {"reasons": by_count, "ended": ended}


def _pieces(rows: Deliveries) -> Iterator[Deliveries]:
    """The rows in pieces of at most STEP, along an index in which they are in the order of their recipients."""
    after = 0
    while True:
        rest = rows.filter(recipient_id__gt=after)
        people = rest.order_by("recipient_id").values_list("recipient_id", flat=True)
        end = people[STEP - 1 : STEP].first()
        yield (rest if end is None else rest.filter(recipient_id__lte=end)).order_by()
        if end is None:
            return
        after = end


def _by_domain(piece: Deliveries) -> QuerySet[Delivery, Any]:
    """Pairs of a domain and how many; who was erased has none."""
    return piece.annotate(domain=Domain("recipient__email")).values_list("domain").annotate(Count("pk"))


def _run(started: datetime | None, last: datetime, minutes: Counter[datetime]) -> dict[str, Any]:
    """From the mailing's start to the last mail that left at its first attempt; later ones were waiting, not slow."""
    start = started or min(minutes)
    first = min(start.replace(second=0, microsecond=0), min(minutes))
    count = int((last - first) // timedelta(minutes=1)) + 1
    each = [minutes[first + timedelta(minutes=number)] for number in range(count)]
    width = -(-count // BARS)
    return {
        "started": start.isoformat(),
        "last": last.isoformat(),
        "sent": sum(each),
        "width": width,
        "bars": [sum(each[place : place + width]) for place in range(0, count, width)],
        "slowest": _slowest(first, each),
    }


def _slowest(first: datetime, each: list[int]) -> list[tuple[str, int, int]]:
    """When, how many minutes, how many mails; without the first and the last, which are not whole."""
    spans: list[tuple[str, int, int]] = []
    whole = list(enumerate(each))[1:-1]
    # Minutes without any mail that follow each other are told as one.
    for _, group in groupby(whole, key=lambda entry: entry[0] if entry[1] else -1):
        members = list(group)
        spans.append(((first + timedelta(minutes=members[0][0])).isoformat(), len(members), members[0][1]))
    return sorted(spans, key=lambda span: (span[2], -span[1], span[0]))[:SLOWEST]
