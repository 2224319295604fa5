"""An LMTP or SMTP server that takes mail to our own signed addresses, and no other."""

import asyncio
import logging
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial

from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, Envelope, Session
from django.db import Error as DatabaseError
from django.db import close_old_connections, connections
from django.utils import timezone

from mailer.feedback.receiving import SIZE_LIMIT, receive, takes
from mailer.feedback.returns import TooEarly
from mailer.models import Return

logger = logging.getLogger(__name__)

#: Seconds that a peer may be silent.
_PATIENCE = 60
_LATER = "451 4.3.0 Not now; please bring it again"


@asynccontextmanager
async def listen(host: str, port: int, by_lmtp: bool) -> AsyncIterator[int]:
    """Within the `async with`, take mail there; gives the port, which the system chooses for 0. Raises OSError."""
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="returns") as database:
        server = await loop.create_server(partial(_protocol, _Door(database), loop, by_lmtp), host, port)
        try:
            yield int(server.sockets[0].getsockname()[1])
        finally:
            server.close()
            await loop.run_in_executor(database, connections.close_all)


class _Door:
    """Answers for aiosmtpd. The database is spoken to in one thread, so that it has one connection."""

    def __init__(self, database: ThreadPoolExecutor) -> None:
        self._database = database

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, rcpt_options: list[str]
    ) -> str:
        """One recipient at a time, because each is another delivery, and none that was not signed here."""
        if envelope.rcpt_tos:
            return "452 4.5.3 One recipient at a time"
        if not takes(address):
            return "550 5.1.1 No such address here"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Say 250 when all that follows from the mail is committed, and not before."""
        content = envelope.original_content or b""
        take = partial(_take, content, envelope.rcpt_tos[0])
        return await asyncio.get_running_loop().run_in_executor(self._database, take)


def _take(content: bytes, recipient: str) -> str:
    close_old_connections()
    try:
        receipt = receive(content, recipient, Return.Source.LISTENER, timezone.now())
    except TooEarly:
        return _LATER
    except DatabaseError as error:
        # What a database says may name a key, and so an address.
        logger.warning("A mail has to come again, the database can't be used: %s", type(error).__name__)
        return _LATER
    return f"250 2.0.0 {receipt.value}"


def _protocol(door: _Door, loop: asyncio.AbstractEventLoop, by_lmtp: bool) -> SMTP:
    kind = LMTP if by_lmtp else SMTP
    return kind(
        door,
        hostname="localhost",
        ident="Afternoon Post",
        data_size_limit=SIZE_LIMIT,
        timeout=_PATIENCE,
        loop=loop,
    )
