"""An IMAP server on a real socket that holds mails and flags: the edge of the world, as far as `poll` speaks to it."""

import re
import socketserver
from contextlib import ExitStack
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from config.environment import Mailbox
from tests.serving import serving

_FETCH = re.compile(r"FETCH (\d+) \(BODY\.PEEK\[\]<0\.(\d+)>\)")
_STORE = re.compile(r"STORE (\d+) \+FLAGS\.SILENT \((.*)\)")


@dataclass
class FakeMailbox:
    """One folder; `mails` and `flags` by UID. `refuses` names a command that is answered NO."""

    mails: dict[int, bytes] = field(default_factory=dict)
    flags: dict[int, set[str]] = field(default_factory=dict)
    refuses: str = ""
    dies_at: str = ""

    def __enter__(self) -> Self:
        mailbox = self

        class Dialogue(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                self.wfile.write(b"* OK fake\r\n")
                while line := self.rfile.readline():
                    tag, _, command = line.decode().strip().partition(" ")
                    if mailbox.dies_at and mailbox.dies_at in command:
                        return
                    for answer in mailbox.answer(command):
                        self.wfile.write(answer + b"\r\n")
                    refused = mailbox.refuses and mailbox.refuses in command
                    self.wfile.write(f"{tag} {'NO [X] no' if refused else 'OK done'}\r\n".encode())

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Dialogue)
        self._server.daemon_threads = True
        self._running = ExitStack()
        self._running.enter_context(serving(self._server))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._running.close()

    def put(self, raw: bytes) -> int:
        uid = max(self.mails, default=0) + 1
        self.mails[uid], self.flags[uid] = raw, set()
        return uid

    def address(self) -> Mailbox:
        return Mailbox("127.0.0.1", int(self._server.server_address[1]), "post", "se cret", "none", "INBOX")

    def answer(self, command: str) -> list[bytes]:
        if command == "CAPABILITY":
            return [b"* CAPABILITY IMAP4rev1"]
        if command.startswith("SELECT"):
            return [b"* %d EXISTS" % len(self.mails)]
        if "SEARCH UNSEEN" in command:
            unseen = [str(uid) for uid, flags in self.flags.items() if "\\Seen" not in flags]
            return [f"* SEARCH {' '.join(unseen)}".encode()]
        if match := _FETCH.search(command):
            uid, size = int(match[1]), int(match[2])
            raw = self.mails[uid][:size]
            return [b"* 1 FETCH (UID %d BODY[]<0> {%d}\r\n%b)" % (uid, len(raw), raw)]
        if match := _STORE.search(command):
            self.flags[int(match[1])] |= set(match[2].split())
        if command == "EXPUNGE":
            for uid in [uid for uid, flags in self.flags.items() if "\\Deleted" in flags]:
                del self.mails[uid], self.flags[uid]
        return []
