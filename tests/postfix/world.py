"""The rest of the world: the mail servers of the recipients, and the rules by which our relay takes recipients.

What becomes of a mail is the first word of its recipient's address; `kinds.py` has the words.
"""

import asyncio
import threading
from collections import Counter
from types import TracebackType
from typing import Self

from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.postfix.kinds import kind_of


class World:
    """An SMTP server and a Postfix policy server (SMTPD_POLICY_README), in a thread of their own."""

    def __init__(self) -> None:
        self.arrived: Counter[str] = Counter()
        self.messages: list[bytes] = []  #: as they arrived, for whoever wants to verify signatures
        self.port = self.policy_port = 0
        self._seen: Counter[tuple[str, str]] = Counter()
        self._ready = threading.Event()

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(10)

    async def _serve(self) -> None:
        self._loop, self._ended = asyncio.get_running_loop(), asyncio.Event()
        mail = await self._loop.create_server(lambda: SMTP(self, hostname="mx.example", loop=self._loop), "127.0.0.1")
        policy = await asyncio.start_server(self._decide, "127.0.0.1")
        self.port, self.policy_port = (server.sockets[0].getsockname()[1] for server in (mail, policy))
        self._ready.set()
        await self._ended.wait()
        mail.close()
        policy.close()

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """The recipient's own server."""
        reply = self._reply(kind_of(address).at_server, "server", address)
        if reply:
            return reply
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """What looks like spam is refused when it has been read."""
        address = envelope.rcpt_tos[0]
        if kind_of(address).after_data:
            return kind_of(address).after_data
        self.arrived[address] += 1
        self.messages.append(envelope.original_content or b"")
        return "250 2.0.0 OK"

    async def _decide(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer our relay, which asks of each recipient."""
        asked: dict[str, str] = {}
        while line := (await reader.readline()).decode():
            name, _, value = line.rstrip("\n").partition("=")
            if name:
                asked[name] = value
                continue
            reply = self._reply(kind_of(asked["recipient"]).at_relay, "relay", asked["recipient"])
            writer.write(f"action={reply or 'DUNNO'}\n\n".encode())
            await writer.drain()
            asked.clear()
        writer.close()

    def _reply(self, rule: str, where: str, address: str) -> str:
        """The rule's answer; a temporary one is given the first time only."""
        self._seen[where, address] += 1
        is_over = rule.startswith("4") and self._seen[where, address] > 1
        return "" if is_over else rule
