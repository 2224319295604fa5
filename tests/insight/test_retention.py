"""What is deleted at night of what the service noted: who changed what, and not a day too early."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from pytest_django import Settings

from mailer import tasks
from mailer.insight import retention

NOW = datetime(2026, 11, 25, 3, tzinfo=UTC)


def note_changes(*days_ago: int) -> None:
    user = User.objects.create_user("ada")
    LogEntry.objects.bulk_create(
        LogEntry(
            user=user, action_flag=CHANGE, object_repr=f"{days}", change_message="", action_time=NOW - timedelta(days)
        )
        for days in days_ago
    )


def test_old_changes_are_deleted_in_pieces_and_newer_ones_stay(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "STEP", 2)
    note_changes(99, 12, 98, 97, 11, 96, 95)
    assert retention.purge_changes(NOW - timedelta(days=12)) == 5
    assert sorted(LogEntry.objects.values_list("object_repr", flat=True)) == ["11", "12"]


def test_the_night_keeps_changes_as_long_as_the_setting_says(db: None, settings: Settings) -> None:
    settings.LOG_RETENTION_DAYS, settings.HISTORY_RETENTION_DAYS = 1, 40_000
    note_changes(1000)
    assert tasks.purge()["changes"] == 0
    settings.HISTORY_RETENTION_DAYS = 1
    assert tasks.purge()["changes"] == 1
