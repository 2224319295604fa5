"""Signs of life, and what the broker holds."""

import socket
from datetime import UTC, datetime, timedelta

from django_celery_beat.models import IntervalSchedule, PeriodicTask
from kombu import Connection
from pytest_django.fixtures import Settings

from config.celery import app
from mailer.insight.broker import queue_depths
from mailer.insight.life import (
    FORGET_AFTER,
    SILENCE,
    TICK,
    Worker,
    is_alive,
    note_beat_started,
    note_tick,
    note_worker,
    note_worker_stopped,
    read_life,
)
from mailer.models import Heartbeat
from tests.servers import free_port

NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)
WORKER = Worker("celery@mail-1", concurrency=2, queues="bulk, default")


def test_a_worker_is_alive_as_long_as_it_says_so(db: None):
    note_worker(WORKER, NOW, NOW)
    note_worker(WORKER, NOW, NOW + timedelta(minutes=5))
    (row,) = read_life().workers
    assert (row.name, row.concurrency, row.queues, row.started_at) == ("celery@mail-1", 2, "bulk, default", NOW)
    assert is_alive(row, NOW + timedelta(minutes=5) + SILENCE)
    assert not is_alive(row, NOW + timedelta(minutes=5, seconds=1) + SILENCE)


def test_a_worker_that_stopped_is_not_alive_until_it_starts_again(db: None):
    note_worker(WORKER, NOW, NOW)
    note_worker_stopped(WORKER.name, NOW + timedelta(seconds=5))
    assert not is_alive(read_life().workers[0], NOW + timedelta(seconds=6))
    note_worker(WORKER, NOW + timedelta(minutes=1), NOW + timedelta(minutes=1))
    assert is_alive(read_life().workers[0], NOW + timedelta(minutes=1))
    assert read_life().workers[0].started_at == NOW + timedelta(minutes=1)


def test_workers_that_are_long_gone_are_forgotten(db: None):
    note_worker(Worker("celery@old", 1, "default"), NOW, NOW)
    note_worker(WORKER, NOW, NOW + FORGET_AFTER + timedelta(seconds=1))
    assert [row.name for row in read_life().workers] == ["celery@mail-1"]


def test_beat_rings_by_its_own_periodic_tasks_and_ticks_are_noted_apart(db: None):
    each_minute = IntervalSchedule.objects.create(every=1, period="minutes")
    ticks = [PeriodicTask.objects.create(name=name, task=TICK, interval=each_minute) for name in ("tick", "between")]
    assert read_life().beat_rang is None
    note_beat_started(NOW)
    PeriodicTask.objects.filter(pk=ticks[0].pk).update(last_run_at=NOW + timedelta(seconds=30))
    PeriodicTask.objects.filter(pk=ticks[1].pk).update(last_run_at=NOW + timedelta(seconds=60))
    note_tick(NOW + timedelta(seconds=31))
    life = read_life()
    assert (life.beat_started, life.beat_rang) == (NOW, NOW + timedelta(seconds=60))
    assert (life.tick_ran, life.beat_is_off) == (NOW + timedelta(seconds=31), False)
    PeriodicTask.objects.filter(pk=ticks[0].pk).update(enabled=False)
    assert not read_life().beat_is_off
    PeriodicTask.objects.update(enabled=False)
    assert read_life().beat_is_off
    assert Heartbeat.objects.count() == 2


def test_messages_in_the_queues_are_counted_and_empty_queues_are_named(db: None):
    app.control.purge()
    assert queue_depths() == {"default": 0, "transactional": 0, "bulk": 0}
    for _ in range(3):
        app.send_task("mailer.tasks.deliver", args=(1, 1, 1), queue="bulk")
    assert queue_depths() == {"default": 0, "transactional": 0, "bulk": 3}
    app.control.purge()


def test_a_broker_that_is_gone_or_mute_is_said_to_be_unknown(settings: Settings):
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        for port in (free_port(), mute.getsockname()[1]):
            assert _depths_at(f"redis://127.0.0.1:{port}/0") is None


def _depths_at(url: str) -> dict[str, int] | None:
    before = app.conf.broker_url
    app.conf.update(broker_url=url, broker_read_url=url)
    try:
        return queue_depths()
    finally:
        app.conf.update(broker_url=before, broker_read_url=before)
        assert Connection(before).as_uri() == app.connection_for_read().as_uri()
