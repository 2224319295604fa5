"""The embedded mail server: takes every mail and stores it as a file, with its envelope in two header lines on top.

Started as `python -m config.local.catcher FOLDER DESCRIPTOR`, where the descriptor is a socket that already listens.
"""

import asyncio
import itertools
import os
import signal
import socket
import sys
from datetime import UTC, datetime
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

SIZE_LIMIT = 50_000_000


class Storage:
    """Stores each mail under the time it came, so that names sort by time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.numbers = itertools.count(1)

    async def handle_EHLO(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        """Offer PIPELINING too: aiosmtpd can do it, reading from a buffered stream, but does not say so."""
        session.host_name = hostname
        return [*responses[:-1], "250-PIPELINING", responses[-1]]

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Answer 250 only when the mail has its final name."""
        name = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}-{next(self.numbers):06}"
        draft = self.folder / f".{name}.tmp"
        draft.write_bytes(_envelope_lines(envelope) + (envelope.original_content or b""))
        draft.rename(self.folder / f"{name}.eml")
        return f"250 2.0.0 Stored as {name}"


async def serve(folder: Path, listener: socket.socket) -> None:
    """Take mails until SIGTERM or SIGINT."""
    storage = Storage(folder)
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    server = await loop.create_server(lambda: _protocol(storage, loop), sock=listener)
    await stopped.wait()
    server.close()


def _protocol(storage: Storage, loop: asyncio.AbstractEventLoop) -> SMTP:
    return SMTP(
        storage,
        hostname="localhost",
        ident="Afternoon Post's local inbox",
        data_size_limit=SIZE_LIMIT,
        enable_SMTPUTF8=True,
        loop=loop,
    )


def _envelope_lines(envelope: Envelope) -> bytes:
    lines = [f"X-Envelope-From: {envelope.mail_from or '<>'}", f"X-Envelope-To: {', '.join(envelope.rcpt_tos)}"]
    return "".join(f"{line}\r\n" for line in lines).encode()


if __name__ == "__main__":
    os.umask(0o077)
    asyncio.run(serve(Path(sys.argv[1]), socket.socket(fileno=int(sys.argv[2]))))
