"""Deletes what the service noted of itself, and who logged in from where, when it is as old as the log may become."""

from datetime import datetime

from axes.models import AccessAttempt, AccessLog

from mailer.models import Alert, Tally
from mailer.models.api_keys import forget_uses


def purge_notes(before: datetime) -> dict[str, int]:
    """Delete what is from before the time; all of it is small. Returns counts."""
    old = {
        "alerts": Alert.objects.filter(ended_at__lt=before),
        "tallies": Tally.objects.filter(hour__lt=before),
        "logins": AccessLog.objects.filter(attempt_time__lt=before),
        "failed_logins": AccessAttempt.objects.filter(attempt_time__lt=before),
    }
    return {name: rows.delete()[0] for name, rows in old.items()} | {"api_uses": forget_uses(before)}
