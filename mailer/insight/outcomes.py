"""What became of a mailing, in numbers that add up and in words."""

from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from mailer.insight.figures import figures_of
from mailer.insight.words import count_of, how_long, when
from mailer.models import Mailing
from mailer.models.sums import FINAL

#: Under this it was on time: beat wakes each minute.
ON_TIME = timedelta(minutes=1)


@dataclass(frozen=True)
class Share:
    """One state's part of a mailing."""

    state: str
    count: int
    percent: float


def shares(mailing: Mailing) -> list[Share]:
    """The states that occur in the mailing, with what still waits last."""
    counts = {state: int(getattr(mailing, state)) for state in FINAL}
    counts["waiting"] = max(mailing.waiting, 0)
    whole = max(mailing.planned, sum(counts.values()), 1)
    return [Share(state, count, 100 * count / whole) for state, count in counts.items() if count]


def sum_line(mailing: Mailing) -> str:
    """`planned 60 = sent 58 + skipped 2`; what waits is named, and so is a sum that is wrong."""
    parts = [f"{state} {getattr(mailing, state):,}" for state in FINAL if getattr(mailing, state)]
    if mailing.waiting > 0:
        parts.append(f"waiting {mailing.waiting:,}")
    line = f"planned {mailing.planned:,} = {' + '.join(parts) or '0'}"
    if mailing.waiting < 0:
        line += f" ({-mailing.waiting:,} too many: the figures are being counted again)"
    return line


def lateness(mailing: Mailing) -> str:
    """`on time`, or `late by 2 h 10 min`; nothing for what has not begun."""
    if mailing.started_at is None or mailing.started_at > timezone.now():
        return ""
    late = mailing.started_at - mailing.scheduled_for
    return "on time" if late < ON_TIME else f"late by {how_long(late)}"


def speed(mailing: Mailing) -> str:
    """How long the mailing took, or has taken so far, and at what rate: `3.1 s, 18.7 mails/s`.

    Mails that left after waiting for another attempt, or for somebody's decision, were not slow: where it is counted
    when the others had left, these are told apart.
    """
    figures = figures_of(mailing)
    if figures and figures.run:
        later = mailing.sent + mailing.bounced - figures.run.sent
        more = f"; {count_of(later, 'mail')} left later, at another attempt" if later > 0 else ""
        return f"{_pace(figures.run.span, figures.run.sent)}{more}"
    if mailing.started_at is None or mailing.started_at > timezone.now():
        return ""
    span = (mailing.finished_at or timezone.now()) - mailing.started_at
    return _pace(span, mailing.sent, "" if mailing.finished_at else " so far")


def _pace(span: timedelta, sent: int, so_far: str = "") -> str:
    return f"{how_long(span)}{so_far}, {sent / max(span.total_seconds(), 0.001):,.1f} mails/s"


def state_in_words(mailing: Mailing) -> str:
    """One sentence on where the mailing stands."""
    if mailing.status == Mailing.Status.SENDING and mailing.scheduled_for > timezone.now():
        return f"Goes out {when(mailing.scheduled_for)}."
    words = {
        Mailing.Status.PLANNED: f"Planned for {when(mailing.scheduled_for)}; nothing is sent yet.",
        Mailing.Status.SENDING: "Is being sent.",
        Mailing.Status.PAUSED: "Paused; what waits is sent when it is resumed.",
        Mailing.Status.DONE: f"Done {when(mailing.finished_at)}." if mailing.finished_at else "Done.",
        Mailing.Status.CANCELLED: "Cancelled; what had not left will not be sent.",
        Mailing.Status.SKIPPED: "Skipped; there was nothing to send.",
        Mailing.Status.MISSED: "Missed; it was too late to send it.",
    }
    return words[Mailing.Status(mailing.status)]
