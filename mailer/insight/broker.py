"""How many messages wait in the broker. It may be gone: then that is said, and nobody waits for it."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from celery import current_app
from kombu.exceptions import ChannelError, OperationalError

logger = logging.getLogger(__name__)

#: Seconds that a page may lose to a broker that does not answer; one that does takes a few thousandths.
TIMEOUT = 0.2
_QUICKLY = {
    "socket_timeout": TIMEOUT,
    "socket_connect_timeout": TIMEOUT,
    "max_retries": 1,
    "interval_start": 0,  # Celery would wait two seconds before its second try
    "interval_step": 0,
}


def queue_depths() -> dict[str, int] | None:
    """Queue → messages in it that no worker has taken, or None if the broker can't be asked."""
    try:
        with _channel() as channel:
            return {name: _depth(channel, queue) for name, queue in current_app.amqp.queues.items()}
    except (OperationalError, OSError) as error:
        logger.warning("The broker can't be asked how many messages wait: %s", error)
        return None


@contextmanager
def _channel() -> Iterator[Any]:
    with current_app.connection_for_read(transport_options=_QUICKLY) as connection:
        yield connection.default_channel


def _depth(channel: Any, queue: Any) -> int:
    """A queue without messages may not be there at all."""
    try:
        return int(queue.bind(channel).queue_declare(passive=True).message_count)
    except ChannelError:
        return 0
