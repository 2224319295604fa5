"""The real beat scheduler, driven through simulated days: whatever happens to beat, each occurrence counts once."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from celery import Task
from django_celery_beat import schedulers
from django_celery_beat.models import PeriodicTask
from django_celery_beat.schedulers import DatabaseScheduler
from kombu.exceptions import OperationalError

from config.celery import app
from mailer import tasks
from mailer.models import Digest, EmailTemplate, Mailing, TemplateVersion
from mailer.scheduling.schedules import Schedule, set_paused, set_schedule
from tests.build import make_digest, make_list
from tests.fake_relay import FakeRelay

pytestmark = [pytest.mark.django_db, pytest.mark.once]
PEOPLE = 2
Clock = time_machine.Traveller


class Beat(DatabaseScheduler):
    """A beat of its own; what it sends is carried out at once. Forgotten by the test, it was killed."""

    producer = None

    def __init__(self) -> None:
        super().__init__(app=app)
        self._finalize.cancel()

    def run_due(self) -> None:
        while self.tick() == 0:
            pass


@pytest.fixture(autouse=True)
def eager(relay: FakeRelay, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Tasks run where they are called; beat keeps the connection, in whose transaction a test runs."""
    monkeypatch.setattr(schedulers, "close_old_connections", lambda: None)
    app.conf.update(task_always_eager=True, task_eager_propagates=True)
    yield
    app.conf.update(task_always_eager=False, task_eager_propagates=False)


@pytest.fixture
def clock() -> Iterator[Clock]:
    with time_machine.travel(at(13), tick=False) as traveller:
        yield traveller


@pytest.fixture
def digest(clock: Clock) -> Digest:
    """At 15:00 UTC, to two people, made at 13:00."""
    return make_daily(Schedule(time(15)), at(13))


def make_daily(schedule: Schedule, now: datetime) -> Digest:
    template = EmailTemplate.objects.create(slug="digest", name="Digest")
    TemplateVersion.objects.create(template=template, number=1, subject="News", html="<p>News</p>", text="News")
    made = make_digest(make_list("news", people=PEOPLE), template, schedule, send_when_empty=True)
    made.checked_through = now
    made.save()
    return made


def at(hour: int, minute: int = 0, day: int = 23) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


def run(clock: Clock, until: datetime, *beats: Beat, step: timedelta = timedelta(hours=1)) -> None:
    """From now on the `beats` are up, and time passes in steps, up to and with `until`."""
    moment = datetime.now(UTC)
    while True:
        for beat in beats:
            beat.run_due()
        if moment >= until:
            return
        moment = min(moment + step, until)
        clock.move_to(moment)


def told() -> list[tuple[datetime, str, str]]:
    return list(Mailing.objects.order_by("scheduled_for").values_list("scheduled_for", "status", "reason"))


@pytest.mark.parametrize(
    ("down", "up", "reason"),
    [
        (at(14), at(20), "late by 5 h 0 min"),
        (at(14, 59), at(18, 5), "late by 3 h 5 min"),
        (at(14, 50), at(15, 30), "late by 30 min"),
        (at(14, 50), at(15, 5), ""),
    ],
)
def test_a_beat_that_was_down_sends_late_once_and_says_so(
    digest: Digest, relay: FakeRelay, clock: Clock, down: datetime, up: datetime, reason: str
):
    run(clock, down, Beat())
    clock.move_to(up)
    run(clock, at(15, day=24), Beat())
    assert told() == [(at(15), "done", reason), (at(15, day=24), "done", "")]
    assert len(relay.received) == 2 * PEOPLE


def test_beyond_the_catch_up_window_is_missed_in_words(digest: Digest, relay: FakeRelay, clock: Clock):
    run(clock, at(14), Beat())
    clock.move_to(at(22))
    run(clock, at(16, day=24), Beat())
    missed, sent = told()
    assert missed[1] == "missed"
    assert missed[2].endswith("7 h 0 min late; the catch-up window is 6 h")
    assert sent == (at(15, day=24), "done", "")
    assert len(relay.received) == PEOPLE


def test_two_beats_send_once(digest: Digest, relay: FakeRelay, clock: Clock):
    run(clock, at(16), Beat(), Beat())
    assert told() == [(at(15), "done", "")]
    assert len(relay.received) == PEOPLE


def test_a_beat_killed_right_after_three_sends_nothing_again(digest: Digest, relay: FakeRelay, clock: Clock):
    run(clock, at(15), Beat())
    PeriodicTask.objects.update(last_run_at=at(14))  # what it had done was not saved
    run(clock, at(16), Beat())
    assert told() == [(at(15), "done", "")]
    assert len(relay.received) == PEOPLE


def test_paused_two_days_and_resumed_before_three(digest: Digest, relay: FakeRelay, clock: Clock):
    beat = Beat()
    run(clock, at(13, 15), beat)
    set_paused(digest, True)
    run(clock, at(13, 30, day=25), beat)
    set_paused(digest, False)
    run(clock, at(15, day=25), beat)
    skipped = [(at(15, day=day), "skipped", "the digest was paused") for day in (23, 24)]
    assert told() == [*skipped, (at(15, day=25), "done", "")]
    assert len(relay.received) == PEOPLE


def test_an_edit_at_the_last_minute_to_later(digest: Digest, relay: FakeRelay, clock: Clock):
    beat = Beat()
    run(clock, at(14, 59), beat)
    set_schedule(digest, Schedule(time(16)))
    run(clock, at(16), beat)
    run(clock, at(16, day=24), beat)
    assert told() == [(at(16), "done", ""), (at(16, day=24), "done", "")]


def test_an_edit_right_after_three_to_earlier(digest: Digest, relay: FakeRelay, clock: Clock):
    beat = Beat()
    run(clock, at(15, 1), beat)
    set_schedule(digest, Schedule(time(14)))
    run(clock, at(14, day=24), beat)
    run(clock, at(16, day=24), beat)
    assert told() == [(at(15), "done", ""), (at(14, day=24), "done", "")]


def test_a_machine_whose_clock_steps_back_an_hour(digest: Digest, relay: FakeRelay, clock: Clock):
    beat = Beat()
    run(clock, at(15, 30), beat)
    clock.move_to(at(14, 30))
    run(clock, at(17), beat)
    assert told() == [(at(15), "done", "")]
    assert len(relay.received) == PEOPLE


def test_a_run_that_beat_took_for_done_while_the_broker_was_down(
    digest: Digest, relay: FakeRelay, clock: Clock, monkeypatch: pytest.MonkeyPatch
):
    def refuse(*args: Any, **options: Any) -> None:
        raise OperationalError("the broker is down")

    beat = Beat()
    run(clock, at(14, 50), beat)
    with monkeypatch.context() as patch:
        patch.setattr(Task, "apply_async", refuse)
        run(clock, at(15), beat)
    clock.move_to(at(15, 20))
    digest.refresh_from_db()
    assert digest.periodic_task.total_run_count == 1  # beat believes that it is done
    assert told() == []
    run(clock, at(16), beat)
    assert told() == [(at(15), "done", "late by 20 min")]
    assert len(relay.received) == PEOPLE


@pytest.mark.long
@pytest.mark.parametrize("hour", [time(15), time(2, 30)])
@pytest.mark.parametrize(
    ("zone", "change"),
    [
        ("America/New_York", date(2026, 3, 8)),
        ("America/New_York", date(2026, 11, 1)),
        ("Europe/London", date(2026, 3, 29)),
        ("Europe/London", date(2026, 10, 25)),
        ("Australia/Lord_Howe", date(2026, 4, 5)),
        ("Australia/Lord_Howe", date(2026, 10, 4)),
        ("Pacific/Apia", date(2020, 9, 27)),
        ("Pacific/Apia", date(2021, 4, 4)),
        ("Pacific/Apia", date(2011, 12, 30)),  # a day that Samoa never had
    ],
)
def test_a_clock_change_sends_once_a_local_day(zone: str, change: date, hour: time, relay: FakeRelay, clock: Clock):
    there = ZoneInfo(zone)
    days = [change + timedelta(days=offset) for offset in (-1, 0, 1)]
    existing = [day for day in days if zone != "Pacific/Apia" or day != date(2011, 12, 30)]
    clock.move_to(datetime.combine(days[0], time(), there))
    make_daily(Schedule(hour, "*", zone), datetime.now(UTC))
    beat = Beat()
    for day in existing:
        due = datetime.combine(day, hour, there).astimezone(UTC)
        clock.move_to(due - timedelta(hours=2))
        run(clock, due + timedelta(hours=3), beat, step=timedelta(minutes=30))
    found = [(moment.astimezone(there), status, reason) for moment, status, reason in told()]
    sent_on = [(moment.date(), status, reason) for moment, status, reason in found]
    assert sent_on == [(day, "done", "") for day in existing]
    assert all(moment.time() >= hour for moment, _, _ in found)
    assert all(moment.time() == hour for moment, _, _ in found if hour == time(15))
    assert len(relay.received) == PEOPLE * len(existing)


def test_the_product_has_a_tick_each_minute(digest: Digest, clock: Clock):
    assert tasks.tick.name in {entry.task for entry in Beat().schedule.values()}
