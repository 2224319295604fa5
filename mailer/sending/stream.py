"""The bytes of an SMTP connection: written whole, and read as replies."""

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

    def __init__(self, sock: socket.socket) -> None:
        """Nothing is received yet."""
        self._sock = sock
        self._is_tls = isinstance(sock, ssl.SSLSocket)
        self.received = b""

    def write(self, data: bytes) -> None:
        """Write all. Raises ConnectionLost."""
        written = 0
        try:
            written = self._sock.send(data)  # all of it, unless the socket's buffer is full
            if written < len(data):
                view = memoryview(data)
                while written < len(data):
                    written += self._sock.send(view[written:])
        except OSError as error:
            raise ConnectionLost(f"the connection broke while writing: {error}", written) from error

    def receive(self) -> None:
        """Read what has arrived. Raises ConnectionLost."""
        try:
            chunk = self._sock.recv(_CHUNK)
            while self._is_tls and self._sock.pending():  # type: ignore[attr-defined]
                chunk += self._sock.recv(_CHUNK)
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
