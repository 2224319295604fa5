"""The honest limit: our own wire code with mails that are ready, and no database."""

import multiprocessing
import time
from collections.abc import Iterator
from itertools import cycle, islice
from multiprocessing.synchronize import Barrier

from django.conf import settings
from django.db import connections

from benchmarks.worker import PROCESSES
from config.environment import Relay
from mailer.sending.commands import Envelope
from mailer.sending.outcomes import Kind
from mailer.sending.smtp import RelaySession


class RawBytes:
    """As many processes as the worker has, each with its own connections."""

    def __init__(self, envelopes: list[Envelope], mails: int) -> None:
        """The envelopes are sent again and again."""
        self._envelopes, self._mails = envelopes, mails

    def run(self) -> dict[str, float]:
        """Mails a second."""
        connections.close_all()  # or the children would share them
        context = multiprocessing.get_context("fork")
        ready = context.Barrier(PROCESSES + 1)
        each = self._mails // PROCESSES
        senders = [context.Process(target=_send, args=(ready, self._envelopes, each)) for _ in range(PROCESSES)]
        for sender in senders:
            sender.start()
        ready.wait(30)
        started = time.perf_counter()
        for sender in senders:
            sender.join()
        seconds = time.perf_counter() - started
        if any(sender.exitcode for sender in senders):
            raise RuntimeError("the raw sender failed")
        return {"raw_bytes": each * PROCESSES / seconds}


def send_all(relay: Relay, envelopes: Iterator[Envelope]) -> int:
    """Send over the wire code as the service does. Returns how many were taken."""
    with RelaySession(relay, settings.EMAIL_TIMEOUT, ignore) as session:
        return sum(outcome.kind is Kind.SENT for outcome in session.send(envelopes))


def _send(ready: Barrier, envelopes: list[Envelope], mails: int) -> None:
    ready.wait(30)
    taken = send_all(settings.RELAY, islice(cycle(envelopes), mails))
    if taken != mails:
        raise RuntimeError(f"{taken} of {mails} mails were taken")


def ignore(delivery_id: int) -> None:
    """Nothing is journalled here."""
