"""What a day still holds, and what passed without anybody having planned it."""

from datetime import UTC, datetime, time, timedelta

import pytest
from django_celery_beat.models import CrontabSchedule

from mailer.models import Digest, EmailTemplate, Mailing
from mailer.scheduling.agenda import MOST_OF_ONE, PATIENCE, overdue, to_come
from mailer.scheduling.planning import plan_digest
from mailer.scheduling.schedules import Schedule, set_paused, set_schedule
from tests.build import make_digest, make_list

THREE = datetime(2026, 11, 23, 15, tzinfo=UTC)
MIDNIGHT = THREE.replace(hour=0)
LATE = THREE + PATIENCE + timedelta(seconds=1)


def moments(start: datetime = MIDNIGHT) -> list[datetime]:
    return [occurrence.moment for occurrence in to_come(start, MIDNIGHT + timedelta(days=1))]


def late(now: datetime) -> list[tuple[str, datetime]]:
    return [(occurrence.digest.slug, occurrence.moment) for occurrence in overdue(now)]


def test_the_day_holds_its_digest_until_it_is_planned(digest: Digest):
    assert moments() == [THREE]
    plan_digest(digest.pk, THREE)
    assert moments() == []


def test_a_digest_that_goes_each_minute_is_named_a_few_times(digest: Digest):
    task = digest.periodic_task
    task.crontab = CrontabSchedule.objects.create(timezone="UTC")
    task.save()
    assert len(moments()) == MOST_OF_ONE


def test_nobody_planned_it_after_some_minutes(digest: Digest):
    assert late(THREE + PATIENCE - timedelta(seconds=1)) == []
    assert late(LATE) == [("news", THREE)]
    assert late(LATE + timedelta(hours=20)) == [("news", THREE)]


def test_what_was_planned_skipped_or_missed_is_not_overdue(digest: Digest):
    plan_digest(digest.pk, LATE + timedelta(hours=9))
    assert Mailing.objects.get().status == "missed"
    assert late(LATE + timedelta(hours=9)) == []


def test_a_paused_digest_or_one_without_a_schedule_is_not_overdue(digest: Digest, template: EmailTemplate):
    set_paused(digest, True)
    Digest.objects.create(slug="idle", name="Idle", list=digest.list, template=template)
    assert late(LATE) == []
    assert moments() == [THREE]


@pytest.mark.parametrize(("zone", "hour"), [("Asia/Tokyo", 6), ("America/New_York", 20)])
def test_a_digest_by_each_recipients_clock_is_looked_for_where_it_went_lately(
    digest: Digest, zone: str, hour: int
) -> None:
    Digest.objects.update(in_recipients_zone=True, checked_through=MIDNIGHT)
    set_schedule(digest, Schedule(time(15), "*", "Pacific/Auckland"))
    version = digest.template.version_to_send()
    day_before = THREE.replace(hour=hour) - timedelta(days=1)
    Mailing.objects.create(
        kind="digest", digest=digest, list=digest.list, version=version, scheduled_for=day_before, time_zone=zone
    )
    due = THREE.replace(hour=hour)
    assert late(due + PATIENCE) == [("news", min(due, THREE))]


def test_the_earliest_moment_is_named_of_each_digest(digest: Digest, template: EmailTemplate):
    make_digest(make_list("other"), template, Schedule(time(9)))
    assert late(LATE + timedelta(days=1)) == [("news", THREE), ("other", THREE.replace(hour=9))]
