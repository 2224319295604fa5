"""A far mail server on this machine: `python -m benchmarks.delay PORT TARGET MILLISECONDS`, half of them each way.

A connection's first answer comes after two round trips, as TCP's handshake and the greeting take. Slow start is not
modelled.
"""

import asyncio
import sys
from collections import deque

#: The loop wakes up at whole milliseconds, late; so that packets are right on average, they may be early too.
_EARLY = 0.0005


class Pipe:
    """One direction: what comes in goes out later, in order."""

    def __init__(self, delay: float) -> None:
        """With the seconds that everything is late by."""
        self._delay = delay
        self._queue: deque[tuple[float, bytes | None]] = deque()
        self._target: asyncio.Transport | None = None
        self._not_before = 0.0

    def connect(self, target: asyncio.Transport, after: float = 0.0) -> None:
        """Deliver to this transport, and nothing for so many seconds."""
        self._target, self._not_before = target, asyncio.get_running_loop().time() + after
        if self._queue:
            self._schedule()

    def put(self, data: bytes | None) -> None:
        """Data, or None for the end."""
        now = asyncio.get_running_loop().time()
        self._queue.append((now + self._delay, data))
        if len(self._queue) == 1 and self._target is not None:
            self._schedule()

    def _schedule(self) -> None:
        due = max(self._queue[0][0], self._not_before)
        asyncio.get_running_loop().call_at(due - _EARLY, self._deliver)

    def _deliver(self) -> None:
        now = asyncio.get_running_loop().time()
        while self._queue and max(self._queue[0][0], self._not_before) <= now + _EARLY and self._target:
            _, data = self._queue.popleft()
            if data is None:
                self._target.close()
            else:
                self._target.write(data)
        if self._queue:
            self._schedule()


class End(asyncio.Protocol):
    """One end of a proxied connection: what it receives goes into its pipe."""

    def __init__(self, pipe: Pipe) -> None:
        """With the pipe that leads away from here."""
        self._pipe = pipe

    def data_received(self, data: bytes) -> None:
        """Late."""
        self._pipe.put(data)

    def connection_lost(self, exception: Exception | None) -> None:
        """Late too."""
        self._pipe.put(None)


class Front(End):
    """The end that clients connect to."""

    def __init__(self, target: int, delay: float) -> None:
        """With the port of the server behind."""
        super().__init__(Pipe(delay))
        self._port, self._delay = target, delay

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connect to the server behind."""
        if isinstance(transport, asyncio.Transport):
            self._opening = asyncio.ensure_future(self._open(transport))

    async def _open(self, transport: asyncio.Transport) -> None:
        back = Pipe(self._delay)
        back.connect(transport, after=4 * self._delay)
        loop = asyncio.get_running_loop()
        server, _ = await loop.create_connection(lambda: End(back), "127.0.0.1", self._port)
        self._pipe.connect(server)


async def serve(port: int, target: int, milliseconds: float) -> None:
    """For ever."""
    delay = milliseconds / 2000
    server = await asyncio.get_running_loop().create_server(
        lambda: Front(target, delay), "127.0.0.1", port, backlog=1024
    )
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
