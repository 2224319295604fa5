"""The Celery application; its settings are the CELERY_ ones in config/celery_settings.py."""

import gc
import os
from typing import Any

from celery import Celery, Task
from celery.signals import task_postrun, task_prerun, worker_process_init
from django.db import close_old_connections, connections
from kombu.utils.compat import detect_environment

from config.connection import Messages

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
# Of Django's checks those of the URLs would load the admin and the API; ours are run in mailer/checks.py all the same.
os.environ.setdefault("CELERY_SKIP_CHECKS", "yes")

#: How a worker's processes stand behind others (setpriority(2)), which are at 0.
NICENESS = 5

app = Celery("afternoon_post", amqp=Messages)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_process_init.connect
def settle_in(**details: Any) -> None:
    """What a worker's process does first.

    It lets others go first: mails are sent no faster than a mail server, a database and a broker can take them, which
    may be on the same machine, and a page is waited for. And it leaves what is loaded out of garbage collection, for
    which there is nothing to find in it and each look costs 0.1 s.
    """
    # In some pools this is the worker itself, and it may be told more than once.
    os.setpriority(os.PRIO_PROCESS, 0, max(NICENESS, os.getpriority(os.PRIO_PROCESS, 0)))
    gc.freeze()


@task_prerun.connect
def keep_connections(task: "Task[Any, Any]", **details: Any) -> None:
    """A task goes on with the database connections of the one before, as a page does: if they are sound and young."""
    if not task.request.is_eager:  # else they are its caller's
        close_old_connections()


@task_postrun.connect
def close_connections(task: "Task[Any, Any]", **details: Any) -> None:
    """A greenlet lives for one task, and its connections would stay open after it."""
    if detect_environment() != "default" and not task.request.is_eager:
        connections.close_all()
