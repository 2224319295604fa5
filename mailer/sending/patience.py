"""Waits for a database that is busy or gone, because what was sent must not be forgotten."""

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from django.db import InterfaceError, OperationalError, close_old_connections, connection

logger = logging.getLogger(__name__)
Result = TypeVar("Result")

#: Seconds between tries; after the last one the journal keeps what could not be written.
PAUSES = (0.2, 0.5, 1, 2, 4, 8, *[15] * 16)


def insist(action: Callable[[], Result]) -> Result:
    """The action's result, tried again while the database fails. Raises its error when patience is at an end.

    The action must be safe to do twice: a commit whose answer was lost has been done.
    """
    for pause in PAUSES:
        try:
            return action()
        except (OperationalError, InterfaceError) as error:
            if connection.in_atomic_block:
                raise  # only the caller who opened the transaction can begin it again
            logger.warning("The database can't be used (%s); trying again in %s s", error, pause)
            connection.close()
            close_old_connections()
            time.sleep(pause)
    return action()
