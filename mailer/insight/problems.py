"""What is wrong, in sentences: pure functions of what is known and of the time."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from mailer.insight.life import SILENCE, Life, is_alive
from mailer.insight.words import clock, count_of, when, when_there
from mailer.models import Digest, Feed, Mailing, RelayPause, SourceState, WebhookEndpoint

#: For so long a digest that was missed stays a problem.
MISSED_FOR = timedelta(days=1)
_DOMAINS_NAMED = 5


@dataclass(frozen=True)
class Problem:
    """Something that people must know of."""

    key: str  #: the same as long as it is the same problem
    title: str
    text: str
    since: datetime
    has_end: bool = True  #: a state; an event has none


@dataclass(frozen=True)
class View:
    """What is known at a time."""

    life: Life
    depths: Mapping[str, int] | None  #: messages by queue; None if the broker can't be asked
    pauses: Sequence[RelayPause]
    missed: Sequence[Mailing]  #: within MISSED_FOR
    overdue: Sequence[tuple[Digest, datetime]]  #: digests whose time has passed without a mailing
    #: Who has just come judges nobody by what was before: after a night without power all start at once.
    watched_since: datetime | None = None
    alarmed: Sequence[Mailing] = ()  #: of which too many mails came back
    blocked: Sequence[tuple[str, int]] = ()  #: domains that refuse us as unwanted, and mails within a day, most first
    blocked_since: datetime | None = None
    feeds: Sequence[Feed] = ()  #: that could not be read several times in a row
    sources: Sequence[SourceState] = ()  #: of digests, whose last call failed
    webhooks: Sequence[WebhookEndpoint] = ()  #: endpoints that nothing has reached for a while


def find_problems(view: View, now: datetime) -> list[Problem]:
    """What is wrong, the worst first: a digest that did not go, then what keeps the next ones from going."""
    found = (
        _overdue,
        _missed,
        _alarmed,
        _blocked,
        _relay,
        _broker,
        _workers,
        _beat,
        _ticks,
        _feeds,
        _sources,
        _webhooks,
    )
    return [problem for find in found for problem in find(view, now)]


def _overdue(view: View, now: datetime) -> Iterator[Problem]:
    for digest, moment in view.overdue:
        if _is_long_ago(moment, view, now):
            text = (
                f"{digest} was due {when_there(moment)} and nothing has planned it. It goes out late if a tick runs "
                f"within {digest.catch_up_hours} h of that time; after that it is recorded as missed."
            )
            yield Problem(f"overdue {digest.pk}", f"{clock(moment)} passed without {digest}", text, moment)


def _missed(view: View, now: datetime) -> Iterator[Problem]:
    """One a digest for all that was found to be too late on one day: after an outage of a month, not thirty."""
    together: defaultdict[str, list[Mailing]] = defaultdict(list)
    for mailing in view.missed:
        together[f"missed {mailing.digest_id} {mailing.finished_at or mailing.scheduled_for:%Y-%m-%d}"].append(mailing)
    for key, mailings in together.items():
        mailings.sort(key=lambda mailing: mailing.scheduled_for)
        first, last = mailings[0], mailings[-1]
        days = len({mailing.scheduled_for.date() for mailing in mailings})
        zones = len({mailing.time_zone for mailing in mailings})
        which = f"{first.digest} of {when(first.scheduled_for)}"
        which += f" and of {days - 1} more days until {when(last.scheduled_for)}" if days > 1 else ""
        which += f", in {zones} time zones," if zones > 1 else ""
        text = f"{which} will not go out any more: {last.reason}."
        yield Problem(key, f"{first.digest} was missed", text, first.scheduled_for, has_end=False)


def _alarmed(view: View, now: datetime) -> Iterator[Problem]:
    """A mailing that stopped itself; or one that had ended when so many had come back, of which it is only told."""
    for mailing in view.alarmed:
        left = mailing.sent + mailing.bounced
        told = f"{mailing.bounced:,} of {left:,} mails that had left came back"
        since = mailing.alarmed_at or now
        if mailing.status == Mailing.Status.PAUSED:
            text = f"{told}. Nothing more of it is sent until somebody has looked, and resumes or cancels it."
            yield Problem(f"bounces {mailing.pk}", f"{mailing} paused itself", text, since)
        elif mailing.finished_at is not None and mailing.finished_at <= since:
            text = f"{told}. It had ended by then; the next one to {mailing.list} may meet the same."
            yield Problem(f"bounces {mailing.pk}", f"Many mails of {mailing} came back", text, since, has_end=False)


def _blocked(view: View, now: datetime) -> Iterator[Problem]:
    if view.blocked:
        where = ", ".join(f"{domain} ({count:,})" for domain, count in view.blocked[:_DOMAINS_NAMED])
        more = len(view.blocked) - _DOMAINS_NAMED
        others = f" and {count_of(more, 'more domain')}" if more > 0 else ""
        text = (
            f"Within a day mails were refused as unwanted at {where}{others}. That is about us, not about the people, "
            "and nobody is suppressed for it. Log → Returns has the servers' answers, which mostly say what they miss."
        )
        yield Problem("blocked", "Mail servers block our mails", text, view.blocked_since or now)


def _relay(view: View, now: datetime) -> Iterator[Problem]:
    for pause in view.pauses:
        text = f"{pause.reason}. Nothing is lost: what waits goes out when the mail server works again."
        yield Problem(f"relay {pause.relay}", "The mail server can't be used", text, pause.since)


def _feeds(view: View, now: datetime) -> Iterator[Problem]:
    for feed in view.feeds:
        text = (
            f"{feed.problem} It was tried {feed.failures:,} times, and the next time is {when(feed.next_at)}. Nothing "
            f"new comes from it to {feed.list} meanwhile; what its entries still hold then becomes items."
        )
        yield Problem(f"feed {feed.pk}", f"The feed {feed} can't be read", text, feed.failing_since or now)


def _sources(view: View, now: datetime) -> Iterator[Problem]:
    for state in view.sources:
        last = f"It succeeded last {when(state.succeeded_at)}" if state.succeeded_at else "It has never succeeded"
        text = (
            f"{state.problem} {state.digest} goes out with what it gave before that, and without the rest. {last}, and "
            "is asked again the next time."
        )
        title = f"The source {state.name} of {state.digest} fails"
        yield Problem(f"source {state.pk}", title, text, state.failing_since or now)


def _broker(view: View, now: datetime) -> Iterator[Problem]:
    if view.depths is None:
        text = "Workers get no new work until it answers. Nothing is lost: the database knows all that is to be sent."
        yield Problem("broker", "The message broker can't be reached", text, now)


def _workers(view: View, now: datetime) -> Iterator[Problem]:
    rows, beat = view.life.workers, view.life.beat_started
    if any(is_alive(row, now) for row in rows):
        return
    if rows:
        last = max(row.seen_at for row in rows)
        text = f"The last sign of life of one came {when(last)}. Nothing is sent until a worker is started."
        yield Problem("workers", "No worker is alive", text, last)
    elif beat is not None and _is_long_ago(beat, view, now):
        yield Problem("workers", "No worker was started", "Beat runs, but nothing is sent without a worker.", beat)


def _beat(view: View, now: datetime) -> Iterator[Problem]:
    life = view.life
    first_worker = min((row.started_at for row in life.workers if is_alive(row, now)), default=None)
    last = life.beat_rang or life.beat_started or first_worker
    if life.beat_is_off:
        text = "The periodic tasks that run mailer.tasks.tick are switched off; nothing goes out by itself meanwhile."
        yield Problem("beat off", "The ticks are switched off", text, last or now)
    elif last is not None and _is_long_ago(last, view, now):
        rang = f"It rang last {when(life.beat_rang)}" if life.beat_rang else "It has never rung"
        text = f"{rang}. Digests, and mails that are to be tried again, wait until beat runs."
        yield Problem("beat", "Beat is silent", text, last)


def _ticks(view: View, now: datetime) -> Iterator[Problem]:
    """Beat rings, and nobody comes; where it is known why, that has been said already."""
    life = view.life
    ran = life.tick_ran or life.beat_started
    rings = life.beat_rang is not None and not _is_long_ago(life.beat_rang, view, now)
    if ran is None or not rings or not _is_long_ago(ran, view, now):
        return
    if view.depths is not None and any(is_alive(row, now) for row in life.workers):
        text = (
            f"Workers live and beat rings, but the last tick was run {when(life.tick_ran)}; the queue `default` holds "
            f"{view.depths.get('default', 0):,} messages. No worker takes from it, or all are busy with other work."
        )
        yield Problem("ticks", "No worker runs the ticks", text, ran)


def _webhooks(view: View, now: datetime) -> Iterator[Problem]:
    for endpoint in view.webhooks:
        since = endpoint.failing_since or endpoint.switched_off_at or now
        off = not endpoint.is_enabled
        what = "was switched off" if off else "can't be reached"
        then = "It gets no more events until an admin enables it." if off else "Its events wait, and are tried again."
        text = f"{endpoint.problem} {then}"
        yield Problem(f"webhook {endpoint.pk}", f"The webhook endpoint {endpoint} {what}", text, since)


def _is_long_ago(moment: datetime, view: View, now: datetime) -> bool:
    return now - max(moment, view.watched_since or moment) > SILENCE
