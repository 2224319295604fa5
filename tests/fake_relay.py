"""A mail server on a real socket that answers what a test wants: the edge of the world, and the only thing faked."""

import re
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from config.environment import Relay

#: What a rule may answer: a reply such as "550 5.1.1 No such user", or one of these.
DROP, HANG = "drop", "hang"
_PATH = re.compile(r"<([^>]*)>")


@dataclass(frozen=True)
class Received:
    """A mail that the server has taken on."""

    sender: str
    recipient: str
    message: bytes


@dataclass
class FakeRelay:
    """A listening SMTP server, one thread a connection.

    `rules` are asked in turn with the step (GREETING, EHLO, AUTH, MAIL, RCPT, DATA, DOT) and the current recipient or
    sender; the first that returns a text decides.
    """

    rules: list[Callable[[str, str], str | None]] = field(default_factory=list)
    extensions: tuple[str, ...] = ("PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES")
    tls: ssl.SSLContext | None = None
    tls_at_once: bool = False
    gathers: bool = True  #: answers to commands that came together go out together, as RFC 2920 section 3.2 wants it
    received: list[Received] = field(default_factory=list)
    connections: int = 0
    commands: list[str] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._stopped = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        self._listener.close()
        for peer in list(self._open):
            _shut(peer)
        for thread in self._threads:
            thread.join(5)

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def address(self, **changes: object) -> Relay:
        values = {"host": "127.0.0.1", "port": self.port, "user": "", "password": "", "tls": "none", "connections": 2}
        return Relay(**(values | changes))  # type: ignore[arg-type]

    def recipients(self) -> list[str]:
        return [mail.recipient for mail in self.received]

    def wait_until_left(self) -> bool:
        """Whether every client has closed its connection, within five seconds."""
        for thread in self._threads:
            thread.join(5)
        return not self._open

    def answer(self, step: str, reply: str, to: str = "", times: int | None = None) -> None:
        """Add a rule: at this step (for this recipient, so many times) answer so."""
        left = [times]

        def rule(at: str, who: str) -> str | None:
            if at != step or (to and to != who) or left[0] == 0:
                return None
            if left[0] is not None:
                left[0] -= 1
            return reply

        self.rules.append(rule)

    def _accept(self) -> None:
        while not self._stopped.is_set():
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.add(peer)
            self._threads.append(threading.Thread(target=self._serve, args=(peer,), daemon=True))
            self._threads[-1].start()

    def _serve(self, peer: socket.socket) -> None:
        dialogue = _Dialogue(self, peer)
        try:
            dialogue.run()
        except (ConnectionError, OSError):
            pass
        finally:
            self._open.discard(peer)
            dialogue.close()

    def decide(self, step: str, who: str, default: str) -> str:
        for rule in self.rules:
            if (reply := rule(step, who)) is not None:
                return reply
        return default


class _Dialogue:
    def __init__(self, relay: FakeRelay, peer: socket.socket) -> None:
        self.relay, self.peer = relay, peer
        self._read, self._unsent = b"", b""
        self.sender, self.recipient = "", ""

    def close(self) -> None:
        _shut(self.peer)
        self.peer.close()

    def read_line(self) -> bytes:
        """Nothing at the end. What is not answered yet is, before waiting."""
        while b"\n" not in self._read:
            self.flush()
            if not (chunk := self.peer.recv(65536)):
                return b""
            self._read += chunk
        line, _, self._read = self._read.partition(b"\n")
        return line + b"\n"

    def send(self, answer: bytes) -> None:
        self._unsent += answer
        if not self.relay.gathers:
            self.flush()

    def flush(self) -> None:
        unsent, self._unsent = self._unsent, b""
        self.peer.sendall(unsent)

    def secure(self) -> None:
        assert self.relay.tls is not None
        self.peer = self.relay.tls.wrap_socket(self.peer, server_side=True)

    def run(self) -> None:
        if self.relay.tls_at_once:
            self.secure()
        self._reply("GREETING", "", "220 fake ESMTP")
        while line := self.read_line():
            command = line.decode().rstrip("\r\n")
            self.relay.commands.append(command)
            verb = command.split(" ")[0].split(":")[0].upper()
            if verb == "QUIT":
                self.send(b"221 bye\r\n")
                self.flush()
                return
            getattr(self, f"_{verb.lower()}", self._unknown)(command)

    def _ehlo(self, command: str) -> None:
        names = ["fake", *self.relay.extensions]
        lines = [f"250-{name}" for name in names[:-1]] + [f"250 {names[-1]}"]
        self._reply("EHLO", "", "\r\n".join(lines))

    def _starttls(self, command: str) -> None:
        self.send(b"220 2.0.0 go on\r\n")
        self.flush()
        self.secure()

    def _auth(self, command: str) -> None:
        self._reply("AUTH", "", "235 2.7.0 welcome")

    def _mail(self, command: str) -> None:
        self.sender, self.recipient = _path(command), ""
        if not self._reply("MAIL", self.sender, "250 2.1.0 ok").startswith("250"):
            self.sender = ""

    def _rcpt(self, command: str) -> None:
        who = _path(command)
        if not self.sender:
            self.send(b"503 5.5.1 no sender\r\n")
        elif self._reply("RCPT", who, "250 2.1.5 ok").startswith("250"):
            self.recipient = who

    def _data(self, command: str) -> None:
        if not self.recipient:
            self.send(b"503 5.5.1 no recipient\r\n")
            return
        if not self._reply("DATA", self.recipient, "354 go on").startswith("354"):
            return
        content = []
        while (line := self.read_line()) != b".\r\n":
            if not line:
                raise ConnectionError
            content.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        mail = Received(self.sender, self.recipient, b"".join(content))
        reply = self.relay.decide("DOT", self.recipient, f"250 2.0.0 queued as {len(self.relay.received)}")
        # A relay that dies after the dot may have taken the mail: here it has.
        if reply.startswith("250") or reply in (DROP, HANG):
            self.relay.received.append(mail)
        self._say(reply)
        self.sender = self.recipient = ""

    def _rset(self, command: str) -> None:
        self.sender = self.recipient = ""
        self.send(b"250 2.0.0 ok\r\n")

    def _unknown(self, command: str) -> None:
        self.send(b"500 5.5.2 what?\r\n")

    def _reply(self, step: str, who: str, default: str) -> str:
        reply = self.relay.decide(step, who, default)
        self._say(reply)
        return reply

    def _say(self, reply: str) -> None:
        if reply in (DROP, HANG):
            self.flush()
            if reply == HANG:
                self.relay._stopped.wait()
            raise ConnectionError
        self.send(f"{reply}\r\n".encode())
        if reply.startswith("421"):
            self.flush()
            raise ConnectionError


def _path(command: str) -> str:
    match = _PATH.search(command)
    return match[1] if match else ""


def _shut(peer: socket.socket) -> None:
    try:
        peer.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
