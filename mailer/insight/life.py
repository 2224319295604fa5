"""Signs of life: each worker and beat note themselves, and so does each tick that was run to its end."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Max
from django_celery_beat.models import PeriodicTask

from mailer.models import Heartbeat

#: How often a worker notes that it lives.
INTERVAL = timedelta(seconds=30)
#: After this without a word it is called silent; ticks come each half minute.
SILENCE = timedelta(minutes=3)
#: After this it is forgotten: on many hosts each start has a name of its own.
FORGET_AFTER = timedelta(days=1)
TICK = "mailer.tasks.tick"


@dataclass(frozen=True)
class Worker:
    """A worker, as it noted itself."""

    name: str  #: Celery's node name
    concurrency: int  #: how many tasks it runs at once
    queues: str  #: that it takes messages from


@dataclass(frozen=True)
class Life:
    """What is known of our programs."""

    workers: list[Heartbeat]  #: of the last day, also those that stopped or fell silent
    beat_started: datetime | None
    beat_rang: datetime | None  #: when it last put a tick into the queue
    beat_is_off: bool  #: somebody switched the ticks off in beat's pages
    tick_ran: datetime | None  #: when a worker last ran one


def note_worker(worker: Worker, started: datetime, now: datetime) -> None:
    """The worker lives; it did since `started`. Those that are long gone are forgotten."""
    values = {"started_at": started, "seen_at": now, "stopped_at": None}
    Heartbeat.objects.update_or_create(
        kind=Heartbeat.Kind.WORKER,
        name=worker.name,
        defaults={**values, "concurrency": worker.concurrency, "queues": worker.queues},
    )
    Heartbeat.objects.filter(kind=Heartbeat.Kind.WORKER, seen_at__lt=now - FORGET_AFTER).delete()


def note_worker_stopped(name: str, now: datetime) -> None:
    """The worker ended because it was asked to."""
    Heartbeat.objects.filter(kind=Heartbeat.Kind.WORKER, name=name).update(seen_at=now, stopped_at=now)


def note_beat_started(now: datetime) -> None:
    """A beat begins; when it last rang is in its own periodic tasks."""
    Heartbeat.objects.update_or_create(kind=Heartbeat.Kind.BEAT, defaults={"started_at": now, "seen_at": now})


def note_tick(now: datetime) -> None:
    """A worker has run a tick."""
    Heartbeat.objects.update_or_create(
        kind=Heartbeat.Kind.TICK, defaults={"seen_at": now}, create_defaults={"started_at": now, "seen_at": now}
    )


def read_life() -> Life:
    """What is known now. Beat saves when it rang before it knows whether the broker took it."""
    rows = list(Heartbeat.objects.all())
    beat = next((row for row in rows if row.kind == Heartbeat.Kind.BEAT), None)
    tick = next((row for row in rows if row.kind == Heartbeat.Kind.TICK), None)
    ticks = PeriodicTask.objects.filter(task=TICK)
    return Life(
        workers=[row for row in rows if row.kind == Heartbeat.Kind.WORKER],
        beat_started=beat.started_at if beat else None,
        beat_rang=ticks.aggregate(last=Max("last_run_at"))["last"],
        beat_is_off=ticks.exists() and not ticks.filter(enabled=True).exists(),
        tick_ran=tick.seen_at if tick else None,
    )


def is_alive(row: Heartbeat, now: datetime) -> bool:
    """Whether the worker has not stopped, and was heard of lately."""
    return row.stopped_at is None and now - row.seen_at <= SILENCE
