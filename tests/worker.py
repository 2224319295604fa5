"""A Celery worker in a thread of the tests' own process."""

from contextlib import AbstractContextManager
from typing import Any

from celery.contrib.testing.worker import TestWorkController, start_worker
from django.db import connections

from config.celery import app


class _Worker(TestWorkController):
    """One that leaves no connection behind; a process would take them with it."""

    def start(self) -> None:
        """Until it is told to end."""
        try:
            super().start()
        finally:
            connections.close_all()


def running_worker() -> AbstractContextManager[Any]:
    """One for all queues, until the end of the `with`."""
    calm = {"pool": "solo", "perform_ping_check": False, "shutdown_timeout": 30}
    return start_worker(app, WorkController=_Worker, **calm)
