"""Whoever reaches the broker can ask for our tasks with ids, and make nobody run anything else; a worker outlives it."""

import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
from django.conf import settings
from kombu import Consumer, Queue

from config.celery import app
from mailer.models import Heartbeat
from tests.fake_relay import FakeRelay
from tests.local.waiting import wait_until
from tests.servers import accepts, free_port, valkey_program
from tests.worker import running_worker


class Trap:
    """What pickle runs when it reads it."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return open, (str(self.file), "w")


@pytest.mark.django_db(transaction=True)
@pytest.mark.once
def test_a_pickled_message_is_thrown_away_unread_and_the_worker_goes_on(relay: FakeRelay, tmp_path: Path):
    file = tmp_path / "ran"
    app.control.purge()
    app.send_task("mailer.tasks.close", args=[Trap(file)], serializer="pickle", queue="default")
    app.send_task("mailer.tasks.tick", queue="default")
    with running_worker():
        wait_until(Heartbeat.objects.filter(kind=Heartbeat.Kind.TICK).exists)
    assert not file.exists()


@pytest.mark.once
def test_a_worker_that_loses_its_broker_with_messages_in_hand_can_go_on(tmp_path: Path):
    port = free_port()
    command = [valkey_program(), "--port", str(port), "--save", "", "--dir", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as valkey:
        wait_until(lambda: accepts(port))
        connection = app.connection_for_read(f"redis://127.0.0.1:{port}/0")
        queue = connection.SimpleQueue("in-hand")
        queue.put({"id": 1})
        message = queue.get(timeout=5)
        Consumer(connection.channel(), [Queue("another")]).consume()
        with suppress(TimeoutError):
            connection.drain_events(timeout=0.1)  # both channels wait for a message
        valkey.kill()
        valkey.wait()
        # What Celery does then, before it makes another.
        connection.collect(socket_timeout=1)
        connection.close()
        with pytest.raises(connection.connection_errors):
            message.ack()  # its task has ended


def test_nothing_but_json_goes_in_or_out():
    assert app.conf.accept_content == ["json"]
    assert (app.conf.task_serializer, app.conf.result_serializer) == ("json", "json")
    assert app.conf.result_accept_content in (None, ["json"])
    assert settings.CELERY_ACCEPT_CONTENT == ["json"]
