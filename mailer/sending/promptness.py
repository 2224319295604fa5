"""How long after their time mails were taken by the mail server, counted in groups as outcomes are written down."""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from mailer.models import Mailing, Tally


@dataclass(frozen=True)
class Promptness:
    """What a group's sent mails add to the hour's figures."""

    is_single: bool  #: one mail to one person, not one of a list's
    figures: dict[str, float]  #: of Tally.DELAYS


def promptness(mailing: Mailing, accepted: Iterable[datetime]) -> Promptness:
    """Of mails of one mailing that were taken at these times; of one that is spread, any is in time until its end."""
    due = mailing.spread_until or mailing.scheduled_for
    delays = sorted((moment - due).total_seconds() for moment in accepted)
    ends = [0, *(bisect_right(delays, bound) for bound in Tally.BOUNDS), len(delays)]
    seconds = sum(delay for delay in delays if delay > 0)
    figures = dict(zip(Tally.DELAYS, [*(end - start for start, end in pairwise(ends)), seconds], strict=True))
    return Promptness(mailing.kind in (Mailing.Kind.NOTIFICATION, Mailing.Kind.TEST), figures)
