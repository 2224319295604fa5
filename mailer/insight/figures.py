"""What was counted of a mailing that has ended, as its page shows it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from mailer.models import Delivery, Mailing, MailingFigures


@dataclass(frozen=True)
class Ended:
    """How many ended in a state for a reason."""

    status: str
    state: str  #: in words
    reason: str
    words: str
    count: int


@dataclass(frozen=True)
class AtDomain:
    """What became of the mails to one domain."""

    domain: str  #: empty for all the others together
    planned: int
    sent: int
    failed: int
    bounced: int  #: with those that complained
    other: int  #: skipped, cancelled or uncertain


@dataclass(frozen=True)
class Span:
    """Some minutes in which as many mails left, each."""

    start: datetime
    minutes: int
    sent: int


@dataclass(frozen=True)
class Run:
    """From a mailing's start until the last mail left that needed no further attempt."""

    started: datetime
    last: datetime
    sent: int
    width: int  #: minutes a bar
    bars: list[tuple[int, float]]  #: how many mails, and how high in percent
    slowest: list[Span]  #: of its whole minutes

    @property
    def span(self) -> timedelta:
        """How long it was."""
        return self.last - self.started

    @property
    def per_minute(self) -> str:
        """How many mails left in a minute, on average."""
        return f"{self.sent / max(self.span.total_seconds() / 60, 1):,.0f}"

    @property
    def most(self) -> int:
        """The highest bar."""
        return max(count for count, _ in self.bars)


@dataclass(frozen=True)
class Figures:
    """All of it, as of a moment."""

    as_of: datetime
    fits: bool  #: whether nothing has changed since
    ended: list[Ended]
    domains: list[AtDomain]
    run: Run | None


def figures_of(mailing: Mailing) -> Figures | None:
    """What was counted of the mailing; None if nothing was yet."""
    found = MailingFigures.objects.filter(pk=mailing.pk, as_of__isnull=False).first()
    if found is None or found.as_of is None:
        return None
    return Figures(found.as_of, found.fits(mailing), _ended(found), _domains(found), _run(found))


def _ended(found: MailingFigures) -> list[Ended]:
    sent = [[Delivery.Status.SENT.value, "", found.sent]] if found.sent else []
    states, reasons = dict(Delivery.Status.choices), dict(Delivery.Reason.choices)
    return [
        Ended(status, states.get(status, status), reason, reasons.get(reason, reason), count)
        for status, reason, count in [*sent, *found.counted["reasons"]]
    ]


def _domains(found: MailingFigures) -> list[AtDomain]:
    ended = found.counted["ended"]
    rows = [_at_domain(domain, planned, ended.get(domain, {})) for domain, planned in found.counted["domains"]]
    rest = found.planned - sum(row.planned for row in rows)
    if rest <= 0:
        return rows
    shown = {name: sum(getattr(row, name) for row in rows) for name in ("sent", "failed", "bounced")}
    left = {name: max(getattr(found, name) - count, 0) for name, count in shown.items()}
    return [*rows, AtDomain("", rest, **left, other=max(rest - sum(left.values()), 0))]


def _at_domain(domain: str, planned: int, ended: dict[str, int]) -> AtDomain:
    failed = ended.get("failed", 0)
    bounced = ended.get("bounced", 0) + ended.get("complained", 0)
    sent = max(planned - sum(ended.values()), 0)
    return AtDomain(domain, planned, sent, failed, bounced, planned - sent - failed - bounced)


def _run(found: MailingFigures) -> Run | None:
    run = found.counted["run"]
    if not run:
        return None
    most = max(run["bars"]) or 1
    return Run(
        started=datetime.fromisoformat(run["started"]),
        last=datetime.fromisoformat(run["last"]),
        sent=run["sent"],
        width=run["width"],
        bars=[(count, 100 * count / most) for count in run["bars"]],
        slowest=[Span(datetime.fromisoformat(start), minutes, sent) for start, minutes, sent in run["slowest"]],
    )
