"""Each worker's lookout: a thread of its main program that notes its life, sees what is wrong and tells the admins.

It needs neither beat nor the broker nor a free child, because these are what it watches.
"""

import logging
import threading
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from celery.signals import beat_init, worker_ready, worker_shutdown
from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection
from django.utils import timezone

from mailer.insight.alerts import note_problems, tell_admins
from mailer.insight.health import look
from mailer.insight.life import INTERVAL, Worker, note_beat_started, note_worker, note_worker_stopped
from mailer.insight.problems import find_problems
from mailer.scheduling.agenda import overdue
from mailer.sending.tallies import fold_tallies

logger = logging.getLogger(__name__)


class Lookout(threading.Thread):
    """Looks around each INTERVAL until it is told to stop."""

    def __init__(self, worker: Worker, started: datetime) -> None:
        super().__init__(name="lookout", daemon=True)
        self.worker, self.started, self._stopped = worker, started, threading.Event()

    def run(self) -> None:
        """Look, and wait; what the database can't answer now it is asked again next time."""
        while True:
            try:
                look_around(self.worker, self.started, timezone.now())
            except DatabaseError as error:
                logger.warning("The lookout can't ask the database: %s", error)
            finally:
                connection.close()
            if self._stopped.wait(INTERVAL.total_seconds()):
                return

    def stop(self) -> None:
        """End, and say so."""
        self._stopped.set()
        try:
            note_worker_stopped(self.worker.name, timezone.now())
        except DatabaseError as error:
            logger.warning("The lookout can't sign off: %s", error)


def look_around(worker: Worker, started: datetime, now: datetime) -> None:
    """One look: the worker lives; what is wrong is written down and told; the hour's figures are put together."""
    note_worker(worker, started, now)
    with timezone.override(ZoneInfo(settings.PROJECT_TIME_ZONE)):
        late = [(occurrence.digest, occurrence.moment) for occurrence in overdue(now)]
        note_problems(find_problems(look(late, now, watched_since=started), now), now)
        tell_admins(now)
    fold_tallies()


#: That of this program, if it is a worker.
_lookouts: list[Lookout] = []


@worker_ready.connect
def begin_to_look(sender: Any, **details: Any) -> None:
    """The worker has made its children and takes messages from now on."""
    if _lookouts:
        return
    queues = ", ".join(sorted(sender.app.amqp.queues.consume_from))
    worker = Worker(str(sender.hostname), int(sender.controller.concurrency or 1), queues)
    lookout = Lookout(worker, timezone.now())
    _lookouts.append(lookout)
    lookout.start()


@worker_shutdown.connect
def end_to_look(**details: Any) -> None:
    """The worker ends in order."""
    while _lookouts:
        _lookouts.pop().stop()


@beat_init.connect
def note_beat(**details: Any) -> None:
    """Beat begins."""
    try:
        note_beat_started(timezone.now())
    except DatabaseError as error:
        logger.warning("Beat's start can't be noted: %s", error)
