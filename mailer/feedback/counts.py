"""Counts what comes in by each door, so that nothing is lost in silence: also what was no report, or not ours."""

from datetime import UTC, datetime
from typing import Any

from django.db.models import F

from mailer.models import Return, ReturnCount


def count_return(source: Return.Source, what: str, now: datetime) -> None:
    """Add one. The last statement of its transaction: all that came by one door today meet at the same row."""
    day: dict[str, Any] = {"day": now.astimezone(UTC).date(), "source": source, "what": what}
    if not ReturnCount.objects.filter(**day).update(count=F("count") + 1):
        ReturnCount.objects.get_or_create(**day)
        ReturnCount.objects.filter(**day).update(count=F("count") + 1)
