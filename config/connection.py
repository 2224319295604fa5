"""The connection to the broker, such that a worker outlives the loss of Redis or Valkey."""

from typing import Any

from celery.app.amqp import AMQP
from kombu import Connection
from kombu.transport import redis


class _Channel(redis.Channel):
    """A channel that says so when its connection was closed.

    Celery closes a connection that is lost, and afterwards comes to its messages: to give them back, or to acknowledge
    one whose task has ended. kombu 5.7 then fails with an AttributeError, for which Celery ends the worker; a
    ConnectionError it expects. The messages are not needed: what is to be sent is in the database.
    """

    @property
    def pool(self) -> Any:
        if self.connection is None or self.connection.client is None:
            raise ConnectionError("The connection to the broker was closed.")
        return super().pool


class _Transport(redis.Transport):
    Channel = _Channel


class _Connection(Connection):
    def get_transport_cls(self) -> Any:
        found = super().get_transport_cls()
        return _Transport if found is redis.Transport else found


class Messages(AMQP):
    """Celery's use of the broker, over such connections."""

    Connection = _Connection
