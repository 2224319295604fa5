"""A far mail server: one connection against smtplib's one, and fifty in one process."""

import smtplib
import sys
import time
from itertools import cycle, islice

from django.conf import settings

from benchmarks.programs import Programs
from benchmarks.raw_bytes import ignore
from benchmarks.rounds import Case
from config.environment import Relay
from mailer.sending.commands import Envelope
from mailer.sending.outcomes import Kind
from mailer.sending.smtp import RelaySession
from tests.servers import free_port

ROUND_TRIP_MS = 50
MANY = 50
MANY_ROUND_TRIP_MS = 20


class Far:
    """The sink behind a delay."""

    def __init__(self, programs: Programs, sink_port: int, round_trip_ms: int) -> None:
        """Start the delay."""
        self.port = free_port()
        command = [sys.executable, "-m", "benchmarks.delay", str(self.port), str(sink_port), str(round_trip_ms)]
        programs.start(command, self.port)

    def relay(self, connections: int) -> Relay:
        """As our settings would have it."""
        return Relay("127.0.0.1", self.port, "", "", "none", connections)


class OneConnection:
    """Ours against smtplib's."""

    def __init__(self, far: Far, envelopes: list[Envelope], mails: int) -> None:
        """Half as many mails for smtplib, which is that slow."""
        self._far, self._envelopes, self._mails = far, envelopes, mails

    def ours(self) -> dict[str, float]:
        """Mails a second, once connected."""
        envelopes = self._envelopes[: self._mails]
        with RelaySession(self._far.relay(1), settings.EMAIL_TIMEOUT, ignore) as session:
            started = time.perf_counter()
            taken = sum(outcome.kind is Kind.SENT for outcome in session.send(iter(envelopes)))
            return {"far_ours": taken / (time.perf_counter() - started)}

    def smtplib(self) -> dict[str, float]:
        """Mails a second over one connection that is kept, once connected."""
        envelopes = self._envelopes[: self._mails // 3]
        with smtplib.SMTP("127.0.0.1", self._far.port) as client:
            client.ehlo()
            started = time.perf_counter()
            for envelope in envelopes:
                client.sendmail(envelope.sender, [envelope.recipient], envelope.data, ["BODY=8BITMIME"])
            return {"far_smtplib": len(envelopes) / (time.perf_counter() - started)}


class ManyConnections:
    """Fifty connections in one process: at best fifty mails each round trip."""

    def __init__(self, far: Far, envelopes: list[Envelope], mails: int) -> None:
        """The envelopes are sent again and again."""
        self._far, self._envelopes, self._mails = far, envelopes, mails

    def run(self) -> dict[str, float]:
        """The share of what is possible: connecting and taking leave included, and while all are at work."""
        limit = MANY / (MANY_ROUND_TRIP_MS / 1000)
        began = time.perf_counter()
        with RelaySession(self._far.relay(MANY), settings.EMAIL_TIMEOUT, ignore) as session:
            outcomes = session.send(islice(cycle(self._envelopes), self._mails))
            taken = sum(outcome.kind is Kind.SENT for outcome in islice(outcomes, self._mails // 2))
            half = time.perf_counter()
            later = sum(outcome.kind is Kind.SENT for outcome in outcomes)
            sent = time.perf_counter()
        ended = time.perf_counter()
        return {
            "many_connections": (taken + later) / (ended - began) / limit,
            "many_connections_open": later / (sent - half) / limit,
        }


def cases(programs: Programs, sink_port: int, envelopes: list[Envelope], scale: int) -> list[Case]:
    """The three, `scale` times as long as the shortest that says something."""
    one = OneConnection(Far(programs, sink_port, ROUND_TRIP_MS), envelopes, 15 * scale)
    many = ManyConnections(Far(programs, sink_port, MANY_ROUND_TRIP_MS), envelopes, 4000 * scale)
    return [Case("far, ours", one.ours), Case("far, smtplib", one.smtplib), Case("far, many", many.run)]
