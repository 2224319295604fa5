"""Sends mails over a few connections to one relay at once, in one loop, and says of each what became of it."""

import selectors
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from operator import attrgetter

from config.environment import Relay
from mailer.sending.commands import Envelope
from mailer.sending.connection import Connection
from mailer.sending.outcomes import Kind, Outcome, RelayUnavailable, SendingHalted
from mailer.sending.stream import ConnectionLost

#: How often a mail whose connection died before it was handed over is offered again at once.
OFFERS = 3
_EXPECTED = attrgetter("expected")


class RelaySession:
    """Connections to a relay, opened as they are needed, closed at the end of the `with`. Not for several threads."""

    def __init__(self, relay: Relay, timeout: float, started: Callable[[int], None]) -> None:
        """Open the first connection. `started` is told each delivery's id right before its body is written.

        Raises RelayUnavailable.
        """
        self._relay, self._timeout, self._started = relay, timeout, started
        self._limit = relay.connections
        # What fell to lost connections since the last answer: the relay's fault if it is much, else the mail's own.
        self._fallen: dict[int, str] = {}
        self._proved = False
        self._unanswered = 0  # mails that were handed over and lost since the last answer
        self._connections: list[Connection] = []
        self._returned: deque[Envelope] = deque()
        self._offers: Counter[int] = Counter()
        self._source: Iterator[Envelope] = iter(())
        self._selector = selectors.DefaultSelector()
        self._opening: list[Future[Connection]] = []
        self._connect()
        self.eight_bit = self._connections[0].eight_bit

    def __enter__(self) -> "RelaySession":
        """The session itself."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Close all connections; politely where nothing is under way."""
        if exception[0] is None:
            for connection in self._connections:
                connection.say_goodbye()
        # Those that are being opened have no mail yet.
        for connection in [*self._connections, *_opened(self._opening)]:
            connection.close()
        self._selector.close()

    def send(self, envelopes: Iterator[Envelope]) -> Iterator[Outcome]:
        """Send them all, drawing each only when a connection is free for it. Yields the outcomes as they come in.

        Raises SendingHalted (RelayUnavailable, or what `started` raises) when it can't go on; before that it yields
        what became of every mail that was handed over, so that a mail without an outcome was not.
        """
        self._source = envelopes
        try:
            yield from self._send_all()
        except SendingHalted:
            yield from self._drain()
            raise

    def _send_all(self) -> Iterator[Outcome]:
        while True:
            if self._has_room():
                yield from self._fill()
                if all(connection.idle for connection in self._connections):
                    yield from self._judge_fallen()
                    return
            for connection, is_late in self._ready():
                yield from self._drive(connection, is_late)

    def _has_room(self) -> bool:
        """Whether a connection is idle, or another one could be opened."""
        return len(self._connections) < self._limit or not all(map(_EXPECTED, self._connections))

    def _drain(self) -> Iterator[Outcome]:
        """Wait for the answers to the mails that are handed over, and for nothing else."""
        self._source, self._limit = iter(()), 0
        self._returned.clear()
        while self._connections:
            for connection in list(self._connections):
                if connection.handed_over is None:
                    self._drop(connection)
            for connection, is_late in self._ready():
                try:
                    yield from self._drive(connection, is_late)
                except SendingHalted:
                    continue  # one reason to halt is enough

    def _fill(self) -> Iterator[Outcome]:
        """Give idle connections a mail, and open others while there are mails for them.

        They are opened while the first mail is under way, and get mails when it is answered: what a server may swallow
        is one mail, not one a connection.
        """
        for connection in list(self._connections):
            if connection.idle and connection.worn:
                self._replace(connection)
        for connection in list(self._connections):
            if connection.idle and (envelope := self._take()):
                yield from self._offer(connection, envelope)
        if not self._unanswered and not self._opening and len(self._connections) < self._limit:
            self._begin_opening()
        if self._opening and self._proved:
            for connection in self._finish_opening():
                if envelope := self._take():
                    yield from self._offer(connection, envelope)

    def _offer(self, connection: Connection, envelope: Envelope) -> Iterator[Outcome]:
        try:
            connection.offer(envelope)
        except ConnectionLost as error:
            yield from self._lose(connection, str(error))

    def _ready(self) -> list[tuple[Connection, bool]]:
        """The connections with something to read, and those past their time without; and which of the two it is.

        What has arrived is read however late: we may have waited for our own database meanwhile, not for the server.
        """
        busy = [connection.deadline for connection in self._connections if connection.expected]
        wait = max(0.0, min(busy) - time.monotonic()) if busy else 0.0
        ready = [(key.data, False) for key, _ in self._selector.select(wait)]
        now = time.monotonic()
        if busy and min(busy) <= now:
            readable = {id(connection) for connection, _ in ready}
            late = [c for c in self._connections if c.expected and c.deadline <= now and id(c) not in readable]
            ready += [(connection, True) for connection in late]
        return ready

    def _drive(self, connection: Connection, is_late: bool) -> Iterator[Outcome]:
        if connection.idle:
            yield from self._lose(connection, "the server closed the connection")
        elif is_late:
            yield from self._lose(connection, f"the server did not answer within {self._timeout:.0f} s", is_late=True)
        else:
            try:
                for outcome in connection.read():
                    self._proved, self._unanswered = True, 0
                    yield outcome
                    if self._fallen:
                        yield from self._judge_fallen()
            except ConnectionLost as error:
                yield from self._lose(connection, str(error))

    def _lose(self, connection: Connection, why: str, is_late: bool = False) -> Iterator[Outcome]:
        """Drop a dead connection: the mail without an answer is uncertain, one not handed over is offered again."""
        self._drop(connection)
        if connection.handed_over is not None:
            yield Outcome(connection.handed_over.delivery_id, Kind.UNCERTAIN, None, why)
            self._unanswered += 1
            # A server that was restarted cuts all connections once; one that goes on so would swallow the whole list.
            if not self._proved or self._unanswered > (1 if is_late else self._limit):
                raise RelayUnavailable(f"the mail server takes mails and does not answer: {why}")
        for envelope in connection.unsent():
            self._offers[envelope.delivery_id] += 1
            if self._offers[envelope.delivery_id] < OFFERS:
                self._returned.append(envelope)
            else:
                self._fallen[envelope.delivery_id] = why
        if len(self._fallen) > self._limit:
            raise RelayUnavailable(f"the mail server gives up every connection: {why}")
        if not self._connections and self._limit:
            self._connect()

    def _judge_fallen(self) -> Iterator[Outcome]:
        """Mails at which the connection died each time: a temporary failure if the relay answers to others."""
        if self._fallen and not self._proved:
            raise RelayUnavailable(f"the mail server gives up the connection: {next(iter(self._fallen.values()))}")
        for delivery_id, why in self._fallen.items():
            yield Outcome(delivery_id, Kind.TEMPORARY, None, why)
        self._fallen.clear()

    def _replace(self, connection: Connection) -> None:
        connection.say_goodbye()
        self._drop(connection)
        if not self._connections:
            self._connect()

    def _drop(self, connection: Connection) -> None:
        self._connections.remove(connection)
        self._selector.unregister(connection.sock)
        connection.close()

    def _take(self) -> Envelope | None:
        return self._returned.popleft() if self._returned else next(self._source, None)

    def _begin_opening(self) -> None:
        """Open further connections, all at once, for far away each takes round trips.

        Those that are open take the next mails themselves; one is opened for each mail beyond those.
        """
        waiting = list(islice(iter(self._take, None), self._limit))
        self._returned.extendleft(reversed(waiting))
        number = len(waiting) - len(self._connections)
        if number > 0:
            pool = ThreadPoolExecutor(number)
            self._opening = [pool.submit(self._open) for _ in range(number)]
            pool.shutdown(wait=False)

    def _finish_opening(self) -> list[Connection]:
        """The connections that were opened. Where the server allows no more, those that there are will do."""
        attempts, self._opening = self._opening, []
        opened = _opened(attempts)
        for connection in opened:
            self._add(connection)
        refusals = [error for attempt in attempts if (error := attempt.exception()) is not None]
        if refusals and not isinstance(refusals[0], RelayUnavailable):
            raise refusals[0]
        if refusals:
            self._limit = len(self._connections)
        return opened

    def _connect(self) -> None:
        self._add(self._open())

    def _open(self) -> Connection:
        return Connection(self._relay, self._timeout, self._started, self._take)

    def _add(self, connection: Connection) -> None:
        self._connections.append(connection)
        self._selector.register(connection.sock, selectors.EVENT_READ, connection)


def _opened(attempts: list[Future[Connection]]) -> list[Connection]:
    """What came of the attempts that did not fail, when all are over."""
    return [attempt.result() for attempt in attempts if attempt.exception() is None]
