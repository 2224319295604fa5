"""Counts what comes in by each door, so that nothing is lost in silence: also what was no report, or not ours."""

from datetime import UTC, datetime

from mailer.models import Return, ReturnCount
from mailer.models.counters import add_one


def count_return(source: Return.Source, what: str, now: datetime) -> None:
    """Add one. The last statement of its transaction: all that came by one door today meet at the same row."""
    add_one(ReturnCount, "count", day=now.astimezone(UTC).date(), source=source, what=what)
