"""The service's figures as Prometheus reads them: from the database, where all processes' figures are together.

Nothing here counts deliveries: the figures are those that senders keep up, and what indexes of open rows give.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from django.db.models import Sum
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from mailer.insight.backlog import backlog
from mailer.insight.broker import queue_depths
from mailer.insight.life import is_alive, read_life
from mailer.insight.promptness import delays_since, promises
from mailer.models import Alert, Feed, RelayPause, Tally

#: What all names begin with.
PREFIX = "afternoon_post_"


def metrics_text(now: datetime) -> bytes:
    """All figures as of `now`, in Prometheus's text format 0.0.4. Raises DatabaseError."""
    registry = CollectorRegistry()
    registry.register(Figures(now))
    return generate_latest(registry)


class Figures:
    """What prometheus_client asks for figures."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    def describe(self) -> list[Metric]:
        """Nothing: with figures it would be asked twice."""
        return []

    def collect(self) -> Iterator[Metric]:
        """All of them."""
        yield from _mails(self._now)
        yield from _delays(self._now)
        yield from _backlog(self._now)
        yield from _broker()
        yield from _life(self._now)
        yield from _troubles()


def _mails(now: datetime) -> Iterator[Metric]:
    """Since midnight, so that deleting old figures never looks like a counter that began again."""
    sums = Tally.objects.filter(hour__gte=_midnight(now)).aggregate(**{name: Sum(name) for name in Tally.FIGURES})
    mails = CounterMetricFamily(
        f"{PREFIX}mails", "Mails by outcome since midnight UTC; retry: to be tried again.", labels=["outcome"]
    )
    for name in Tally.FIGURES:
        if name != "uncertain":
            mails.add_metric([name], max(sums[name] or 0, 0))
    yield mails
    # A gauge: what was uncertain is known later.
    yield _gauge("mails_uncertain", "Mails since midnight UTC that may or may not have arrived.", sums["uncertain"])
    last = now - timedelta(hours=1)
    whole = Tally.objects.filter(hour=last.astimezone(UTC).replace(minute=0, second=0, microsecond=0))
    yield _gauge("mails_sent_last_hour", "Mails sent in the last whole hour.", whole.aggregate(all=Sum("sent"))["all"])


def _delays(now: datetime) -> Iterator[Metric]:
    histogram = HistogramMetricFamily(
        f"{PREFIX}mail_delay_seconds",
        "From a mail's time until the mail server took it, since midnight UTC.",
        labels=["kind"],
    )
    kept = GaugeMetricFamily(
        f"{PREFIX}promise_kept_ratio",
        "Share of mails of the last 24 hours that left as promised: single ones within 10 s, lists' within 5 min.",
        labels=["kind"],
    )
    for delays in delays_since(_midnight(now)):
        histogram.add_metric([delays.kind], delays.buckets, delays.seconds)
    for delays in promises(now):
        kept.add_metric([delays.kind], delays.kept or 0.0)
    yield histogram
    yield kept


def _midnight(now: datetime) -> datetime:
    return now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _backlog(now: datetime) -> Iterator[Metric]:
    queue = backlog(now)
    unsent = GaugeMetricFamily(
        f"{PREFIX}deliveries_unsent",
        "Deliveries in the queue; held: of paused mailings; later: of those that wait, not due yet, counted to 10,000.",
        labels=["state"],
    )
    for state in ("waiting", "held", "later"):
        unsent.add_metric([state], getattr(queue, state))
    yield unsent
    yield _gauge("mails_paced", "Mails that wait for a sending limit, counted to 10,000.", queue.paced)
    due = queue.oldest.scheduled_for if queue.oldest else now
    yield _gauge("oldest_unsent_seconds", "How long the oldest unsent mailing has been due.", _age(due, now))


def _broker() -> Iterator[Metric]:
    depths = queue_depths()
    yield _gauge("broker_up", "Whether the broker answers.", depths is not None)
    messages = GaugeMetricFamily(f"{PREFIX}queue_messages", "Messages that no worker has taken.", labels=["queue"])
    for queue, depth in (depths or {}).items():
        messages.add_metric([queue], depth)
    yield messages


def _life(now: datetime) -> Iterator[Metric]:
    life = read_life()
    ages = GaugeMetricFamily(
        f"{PREFIX}worker_heartbeat_age_seconds", "Since a worker's last sign of life.", labels=["worker"]
    )
    for row in life.workers:
        if row.stopped_at is None:
            ages.add_metric([row.name], _age(row.seen_at, now))
    yield ages
    yield _gauge("workers_alive", "Workers heard of lately.", sum(is_alive(row, now) for row in life.workers))
    for name, text, moment in (
        ("beat_age_seconds", "Since beat last rang for a tick.", life.beat_rang),
        ("tick_age_seconds", "Since a worker last ran a tick.", life.tick_ran),
    ):
        if moment is not None:
            yield _gauge(name, text, _age(moment, now))


def _troubles() -> Iterator[Metric]:
    yield _gauge("problems_open", "What is wrong now, as the first page says.", Alert.objects.open().count())
    yield _gauge("relay_pauses", "Mail servers that can't be used now.", RelayPause.objects.count())
    yield _gauge("feeds_failing", "Feeds that failed several times in a row.", Feed.objects.troubled().count())


def _gauge(name: str, text: str, value: float | None) -> Metric:
    return GaugeMetricFamily(PREFIX + name, text, value=float(value or 0))


def _age(moment: datetime, now: datetime) -> float:
    return max((now - moment).total_seconds(), 0)
