"""Deletes what the service noted of itself, who logged in from where, and who changed what, when old enough."""

from datetime import datetime

from axes.models import AccessAttempt, AccessLog
from django.contrib.admin.models import LogEntry

from mailer.models import Alert, ReturnCount, Tally
from mailer.models.api_keys import forget_uses

#: Changes that are deleted at a time.
STEP = 5_000


def purge_notes(before: datetime) -> dict[str, int]:
    """Delete what is from before the time; all of it is small. Returns counts."""
    old = {
        "alerts": Alert.objects.filter(ended_at__lt=before),
        "tallies": Tally.objects.filter(hour__lt=before),
        "counts_of_returns": ReturnCount.objects.filter(day__lt=before.date()),
        "logins": AccessLog.objects.filter(attempt_time__lt=before),
        "failed_logins": AccessAttempt.objects.filter(attempt_time__lt=before),
    }
    return {name: rows.delete()[0] for name, rows in old.items()} | {"api_uses": forget_uses(before)}


def purge_changes(before: datetime) -> int:
    """Delete who changed what before the time, in pieces. Returns how many lines of history that was."""
    deleted = 0
    old = LogEntry.objects.filter(action_time__lt=before).order_by("pk")
    while ids := list(old.values_list("pk", flat=True)[:STEP]):
        deleted += LogEntry.objects.filter(pk__in=ids).delete()[0]
    return deleted
