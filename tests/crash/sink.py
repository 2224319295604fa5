"""An SMTP server as a process of its own: it writes down each mail it accepts before it answers the dot.

A line a mail: when (monotonic clock), to whom, Message-ID. SIGUSR1 makes it mute: it takes mails and answers no dot;
SIGUSR2 makes it speak again.
"""

import asyncio
import os
import re
import signal
import sys
import time

_PATH = re.compile(rb"<([^>]*)>")
_MESSAGE_ID = re.compile(rb"^Message-ID:\s*(\S+)", re.IGNORECASE | re.MULTILINE)
_LIMIT = 2**22


class Sink:
    """The server's state: where it writes, how long it takes for a mail, and whether it answers."""

    def __init__(self, ledger: str, delay: float) -> None:
        self._ledger = os.open(ledger, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self._delay = delay
        self._speaking = asyncio.Event()
        self._speaking.set()

    async def listen(self, port: int) -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGUSR1, self._speaking.clear)
        loop.add_signal_handler(signal.SIGUSR2, self._speaking.set)
        server = await asyncio.start_server(self._serve, "127.0.0.1", port, limit=_LIMIT)
        await server.serve_forever()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the sender was killed
        finally:
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 sink ESMTP\r\n")
        recipient = b""
        while line := await reader.readline():
            verb = line[:4].upper()
            if verb == b"EHLO":
                writer.write(b"250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES\r\n")
            elif verb == b"RCPT":
                recipient = _path(line)
                writer.write(b"250 2.1.5 ok\r\n")
            elif verb == b"DATA":
                writer.write(b"354 go on\r\n")
                await self._take(recipient, await reader.readuntil(b"\r\n.\r\n"))
                writer.write(b"250 2.0.0 taken\r\n")
            elif verb == b"QUIT":
                writer.write(b"221 bye\r\n")
                return
            else:
                writer.write(b"250 2.0.0 ok\r\n")

    async def _take(self, recipient: bytes, message: bytes) -> None:
        """Half the time that a mail takes is before it is written down, half after: a kill may hit either."""
        await asyncio.sleep(self._delay / 2)
        found = _MESSAGE_ID.search(message)
        line = b"%.6f %s %s\n" % (time.monotonic(), recipient, found[1] if found else b"-")
        os.write(self._ledger, line)
        await asyncio.sleep(self._delay / 2)
        await self._speaking.wait()


def _path(line: bytes) -> bytes:
    match = _PATH.search(line)
    return match[1] if match else b"-"


if __name__ == "__main__":
    asyncio.run(Sink(sys.argv[2], float(sys.argv[3])).listen(int(sys.argv[1])))
