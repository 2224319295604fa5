"""Tells the senders in a worker's child processes that the worker was asked to stop."""

import mmap
from typing import Any

from celery.signals import worker_shutting_down

# Anonymous shared memory, made before the worker forks: the only word that reaches a child which is busy in a task.
_flag = mmap.mmap(-1, 1)


def stopping() -> bool:
    """Whether this worker is to begin no more mails."""
    return _flag[0] != 0


@worker_shutting_down.connect
def ask_to_stop(**details: Any) -> None:
    """Let every sender of this worker end after the mail in hand."""
    _flag[0] = 1
