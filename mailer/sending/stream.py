"""The bytes of an SMTP connection: written whole, and read as replies."""

import selectors
import socket
import ssl

from mailer.sending.commands import Answer, read_answer

_CHUNK = 4096
_ANSWER_LIMIT = 100_000  # bytes without an end of line: no mail server, or no honest one


class ConnectionLost(Exception):
    """The connection can't be used any more; the message says why."""

    def __init__(self, why: str, written: int = 0) -> None:
        """`written` says how many bytes of the last write had gone out."""
        super().__init__(why)
        self.written = written


class Stream:
    """A connected socket, and what it has received that is no complete reply yet."""

    def __init__(self, sock: socket.socket, timeout: float) -> None:
        """Nothing is received yet. `timeout` is how many seconds the server may take to make room for more."""
        self._sock, self._timeout = sock, timeout
        self._is_tls = isinstance(sock, ssl.SSLSocket)
        if not self._is_tls:
            sock.settimeout(0)  # or Python would ask the kernel before each call whether it may be made
        self.received = b""

    def write(self, data: bytes) -> None:
        """Write all. Raises ConnectionLost."""
        written = 0
        try:
            written = self._send(data)  # all of it, unless the socket's buffer is full
            if written < len(data):
                view = memoryview(data)
                while written < len(data):
                    written += self._send(view[written:])
        except OSError as error:
            raise ConnectionLost(f"the connection broke while writing: {error}", written) from error

    def receive(self) -> None:
        """Read what has arrived. Raises ConnectionLost."""
        try:
            chunk = self._sock.recv(_CHUNK)
            while self._is_tls and self._sock.pending():  # type: ignore[attr-defined]
                chunk += self._sock.recv(_CHUNK)
        except BlockingIOError:
            return  # it only looked as if something had arrived
        except OSError as error:
            raise ConnectionLost(f"the connection broke: {error}") from error
        if not chunk:
            raise ConnectionLost("the server closed the connection")
        self.received += chunk
        if len(self.received) > _ANSWER_LIMIT:
            raise ConnectionLost("the server's answer does not end")

    def next_answer(self) -> Answer | None:
        """The first complete reply, taken out; None if there is none. Raises ConnectionLost for what is no reply."""
        if not self.received:
            return None
        try:
            answer, self.received = read_answer(self.received)
        except ValueError as error:
            raise ConnectionLost(str(error)) from error
        return answer

    def _send(self, data: bytes | memoryview) -> int:
        """How many bytes went out. Raises TimeoutError where there is no room for any."""
        try:
            return self._sock.send(data)
        except BlockingIOError:
            with selectors.DefaultSelector() as room:
                room.register(self._sock, selectors.EVENT_WRITE)
                if not room.select(self._timeout):
                    raise TimeoutError("timed out") from None
            return 0
