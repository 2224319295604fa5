"""How long after their time mails were taken by the mail server, counted in groups as outcomes are written down."""

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from mailer.models import Mailing, Tally


@dataclass(frozen=True)
class Promptness:
    """What a group's sent mails add to the hour's figures."""

    is_single: bool  #: one mail to one person, not one of a list's
    figures: dict[str, float]  #: of Tally.DELAYS


def promptness(mailing: Mailing, accepted: Iterable[datetime]) -> Promptness:
    """Of mails of one mailing that were taken at these times; of one that is spread, any is in time until its end."""
    due = mailing.spread_until or mailing.scheduled_for
    counts, seconds = [0] * (len(Tally.BOUNDS) + 1), 0.0
    for moment in accepted:
        delay = max((moment - due).total_seconds(), 0.0)
        counts[bisect_left(Tally.BOUNDS, delay)] += 1
        seconds += delay
    figures = dict(zip(Tally.DELAYS, [*counts, seconds], strict=True))
    return Promptness(mailing.kind in (Mailing.Kind.NOTIFICATION, Mailing.Kind.TEST), figures)
