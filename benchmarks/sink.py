"""A mail server that takes all and keeps nothing, where smtp-sink is missing: `python -m benchmarks.sink PORT`."""

import asyncio
import sys

_GREETING = b"220 sink ESMTP\r\n"
_HELLO = b"250-sink\r\n250-PIPELINING\r\n250 8BITMIME\r\n"
_END = b"\r\n.\r\n"


class Sink(asyncio.Protocol):
    """One connection."""

    def __init__(self) -> None:
        """Nothing has arrived."""
        self._received = bytearray()
        self._in_message = self._said_quit = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        if not isinstance(transport, asyncio.Transport):
            raise TypeError("a sink needs a stream")
        self._transport = transport
        transport.write(_GREETING)

    def data_received(self, data: bytes) -> None:
        """Answer all that is complete in one write."""
        self._received += data
        answers = []
        while (answer := self._next()) is not None:
            answers.append(answer)
        if answers:
            self._transport.write(b"".join(answers))
        if self._said_quit:
            self._transport.close()

    def _next(self) -> bytes | None:
        end = self._received.find(_END if self._in_message else b"\r\n")
        if end < 0:
            return None
        if self._in_message:
            del self._received[: end + len(_END)]
            self._in_message = False
            return b"250 2.0.0 Ok\r\n"
        command = bytes(self._received[: min(end, 4)]).upper()
        del self._received[: end + 2]
        self._in_message = command == b"DATA"
        if command == b"EHLO":
            return _HELLO
        if command == b"QUIT":
            self._said_quit = True
            return b"221 Bye\r\n"
        return b"354 End with a dot\r\n" if self._in_message else b"250 2.0.0 Ok\r\n"


async def serve(port: int) -> None:
    """For ever."""
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
