"""A web server as a process of its own: it writes down each event that it gets before it answers.

A line an event: when (monotonic clock), the path, the header `webhook-id`, the id in the body.
"""

import json
import os
import socket
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

#: Seconds that an event takes here: long beside what a worker does for it, so that a kill mostly finds one under way.
TAKES = 0.06


class Receiver(ThreadingHTTPServer):
    """The server, and where it writes."""

    daemon_threads = True

    def __init__(self, port: int, ledger: str) -> None:
        super().__init__(("127.0.0.1", port), _Answering)
        self.ledger = os.open(ledger, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)


class _Answering(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        """Half the time that an event takes is before it is written down, half after: a kill may hit either."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        time.sleep(TAKES / 2)
        if self._is_cut():
            return
        line = f"{time.monotonic():.6f} {self.path} {self.headers['webhook-id']} {json.loads(body)['id']}\n"
        os.write(self.server.ledger, line.encode())
        time.sleep(TAKES / 2)
        self.send_response(204)
        self.end_headers()

    def _is_cut(self) -> bool:
        """Whether the sender is gone: then this server has not taken the event, as one that had just begun to read."""
        try:
            return not self.connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except ConnectionError:
            return True

    def log_message(self, *arguments: object) -> None:
        """The ledger says it."""


if __name__ == "__main__":
    Receiver(int(sys.argv[1]), sys.argv[2]).serve_forever()
