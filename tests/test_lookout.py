"""A worker's lookout: it notes its life, sees what is wrong and tells the admins, also with beat and broker gone."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.core import mail
from django.db import connection
from django.utils import timezone
from django_celery_beat.models import PeriodicTask
from pytest_django.fixtures import Settings

from mailer.insight.life import Worker
from mailer.lookout import look_around
from mailer.models import Alert, Digest, Heartbeat, RelayPause, Tally
from mailer.scheduling.planning import plan_digest

WORKER = Worker("celery@mail-1", concurrency=2, queues="default")


@pytest.fixture
def admins(settings: Settings) -> None:
    settings.ADMINS = [("Ops", "ops@example.org")]


@pytest.fixture
def started() -> Iterator[Callable[..., "subprocess.Popen[bytes]"]]:
    """Starts a Celery program of our own on the test's database."""
    programs: list[subprocess.Popen[bytes]] = []

    def start(*arguments: str) -> "subprocess.Popen[bytes]":
        environment = {**os.environ, "DATABASE_URL": _database_url(), "DJANGO_SETTINGS_MODULE": "config.settings"}
        command = [sys.executable, "-m", "celery", "--quiet", "-A", "config", *arguments]
        programs.append(subprocess.Popen(command, env=environment))
        return programs[-1]

    yield start
    for program in programs:
        program.kill()
        program.wait()


def wait_for(condition: Callable[[], bool]) -> None:
    for _ in range(600):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it did not happen")


def test_a_look_notes_the_worker_and_tells_what_is_wrong(digest: Digest, admins: None):
    now = timezone.now()
    RelayPause.objects.create(relay="mail:25", reason="535 wrong password", retry_at=now)
    Digest.objects.update(checked_through=now - timedelta(hours=25))
    Tally.objects.bulk_create([Tally(hour=now, sent=1), Tally(hour=now, sent=2)])
    for seconds in (0, 30):
        look_around(WORKER, now - timedelta(hours=2), now + timedelta(seconds=seconds))
    assert Heartbeat.objects.get(kind="worker").seen_at == now + timedelta(seconds=30)
    told = [message.subject.removeprefix("[Afternoon Post] ") for message in mail.outbox]
    assert told == ["3 PM passed without News", "The mail server can't be used", "Beat is silent"]
    assert Tally.objects.get().sent == 3


def test_a_worker_that_has_just_come_does_not_call_a_night_without_power_an_outage(digest: Digest, admins: None):
    now = timezone.now()
    PeriodicTask.objects.create(
        name="tick", task="mailer.tasks.tick", crontab=digest.periodic_task.crontab, last_run_at=now - timedelta(days=1)
    )
    Digest.objects.update(checked_through=now - timedelta(days=1))
    look_around(WORKER, now, now + timedelta(seconds=1))
    assert mail.outbox == []
    plan_digest(digest.pk, now)
    PeriodicTask.objects.filter(name="tick").update(last_run_at=now + timedelta(minutes=4))
    look_around(WORKER, now, now + timedelta(minutes=5))
    assert not Alert.objects.exclude(key__startswith="missed").exists()


@pytest.mark.long
@pytest.mark.once
@pytest.mark.django_db(transaction=True)
def test_a_real_worker_signs_on_and_off(started: Callable[..., "subprocess.Popen[bytes]"]):
    program = started("worker", "--queues", "default,bulk", "--concurrency", "1", "-n", "mail-1@localhost")
    wait_for(lambda: Heartbeat.objects.filter(kind="worker").exists())
    row = Heartbeat.objects.get(kind="worker")
    assert (row.name, row.concurrency, row.queues, row.stopped_at) == ("mail-1@localhost", 1, "bulk, default", None)
    program.send_signal(signal.SIGTERM)
    # A child whose last result the parent did not count any more waits 30 s for that, and then ends (billiard).
    program.wait(90)
    row.refresh_from_db()
    assert row.stopped_at is not None


@pytest.mark.once
@pytest.mark.django_db(transaction=True)
def test_a_real_beat_signs_on(started: Callable[..., "subprocess.Popen[bytes]"]):
    started("beat")
    wait_for(lambda: Heartbeat.objects.filter(kind="beat").exists())


def _database_url() -> str:
    values = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{values['NAME']}"
    return f"postgresql://{values['USER']}@{values['HOST']}:{values['PORT']}/{values['NAME']}"
