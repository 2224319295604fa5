"""Beat's interval, clocked and solar schedules drive digests too, each moment once."""

from datetime import UTC, datetime, time, timedelta

import pytest
from django_celery_beat.models import ClockedSchedule, IntervalSchedule, PeriodicTask, SolarSchedule
from hypothesis import given
from hypothesis import strategies as st

from mailer.models import Digest, Mailing
from mailer.scheduling.bells import line_in_words
from mailer.scheduling.occurrences import due, upcoming
from mailer.scheduling.planning import plan_due
from mailer.scheduling.schedules import Schedule, next_occurrences, read_schedule, schedule_in_words, set_schedule
from tests.build import make_item

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
BERLIN = "@sunset 52.52 13.4"


def make_task(**schedule: object) -> PeriodicTask:
    return PeriodicTask.objects.create(name="by hand", task="mailer.tasks.send_digest", args='["news"]', **schedule)


@given(
    every=st.integers(60, 100_000),
    after=st.integers(-200_000, 400_000),
    parts=st.lists(st.integers(0, 50_000), min_size=1, max_size=6),
)
def test_however_often_is_looked_each_moment_of_an_interval_is_found_once(every: int, after: int, parts: list[int]):
    line, since, found = f"@every {every} {NOON.isoformat()}", NOON + timedelta(seconds=after), []
    start, end = since, since
    for part in parts:
        end = start + timedelta(seconds=part)
        found += due(line, "UTC", start, end)
        start = end
    assert found == due(line, "UTC", since, end)
    assert all((moment - NOON).total_seconds() % every == 0 and moment >= NOON for moment in found)


def test_the_sun_sets_once_a_day_and_each_time_at_its_time():
    found = due(BERLIN, "UTC", NOON, NOON + timedelta(days=365))
    assert len(found) == 365
    assert f"{found[0]:%d %H:%M}" == "23 15:03"  # Berlin, 23 November: three past four on its clocks
    start, again = NOON, []
    for hours in range(0, 365 * 24 + 1, 24 * 5):
        again += due(BERLIN, "UTC", start, NOON + timedelta(hours=hours))
        start = NOON + timedelta(hours=hours)
    assert again == found


def test_where_the_sun_does_not_set_nothing_is_due_until_it_does():
    (first,) = upcoming("@sunset 78.2 15.6", "UTC", datetime(2026, 5, 1, tzinfo=UTC), 1)
    assert datetime(2026, 8, 15, tzinfo=UTC) < first < datetime(2026, 9, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (f"@every 7200 {NOON.isoformat()}", "every 2 h"),
        (f"@every 5400 {NOON.isoformat()}", "every 90 min"),
        (f"@every 172800 {NOON.isoformat()}", "every 2 days"),
        (f"@once {NOON.isoformat()}", "once, Mon 23 Nov 2026 12:00 UTC"),
        (BERLIN, "at sunset (52.52, 13.4)"),
    ],
)
def test_a_schedule_is_told_in_words(line: str, words: str):
    assert line_in_words(line) == words


@pytest.mark.django_db
def test_an_interval_counts_from_its_start(digest: Digest):
    make_task(interval=IntervalSchedule.objects.create(every=2, period="hours"), start_time=NOON)
    digest.refresh_from_db()
    assert schedule_in_words(digest) == "every 2 h"
    assert read_schedule(digest) is None
    make_item(digest.list)
    planned = [plan_due(NOON + timedelta(minutes=minutes)) for minutes in (-1, 0, 1, 119, 120, 121)]
    assert [mailing.scheduled_for for mailings in planned for mailing in mailings] == [NOON]
    times = Mailing.objects.order_by("scheduled_for").values_list("scheduled_for", flat=True)
    assert list(times) == [NOON, NOON + timedelta(hours=2)]


@pytest.mark.django_db
def test_a_single_time_comes_once_also_when_beat_has_switched_it_off_before_it_was_planned(digest: Digest):
    task = make_task(clocked=ClockedSchedule.objects.create(clocked_time=NOON), one_off=True)
    make_item(digest.list)
    assert plan_due(NOON - timedelta(seconds=1)) == []
    PeriodicTask.objects.filter(pk=task.pk).update(enabled=False, last_run_at=NOON + timedelta(seconds=1))
    (mailing,) = plan_due(NOON + timedelta(minutes=1))
    assert (mailing.scheduled_for, mailing.status) == (NOON, Mailing.Status.SENDING)
    assert plan_due(NOON + timedelta(days=1)) == []


@pytest.mark.django_db
def test_a_single_time_that_people_switched_off_before_it_came_is_skipped(digest: Digest):
    task = make_task(clocked=ClockedSchedule.objects.create(clocked_time=NOON), one_off=True)
    PeriodicTask.objects.filter(pk=task.pk).update(enabled=False)
    make_item(digest.list)
    assert plan_due(NOON + timedelta(minutes=1)) == []
    assert Mailing.objects.get().status == Mailing.Status.SKIPPED


@pytest.mark.django_db
def test_a_digest_goes_at_sunset_and_then_at_three_again(digest: Digest):
    solar = SolarSchedule.objects.create(event="sunset", latitude=52.52, longitude=13.4)
    make_task(solar=solar)
    digest.refresh_from_db()
    (moment,) = next_occurrences(digest, NOON, 1)
    assert f"{moment:%H:%M}" == "15:03"
    set_schedule(digest, Schedule(time(15)))
    digest.refresh_from_db()
    assert read_schedule(digest) == Schedule(time(15))
    assert digest.periodic_task is not None
    assert digest.periodic_task.solar is None
