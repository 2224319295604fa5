"""Runs a server of the standard library in a thread, and ends it without the half second that this takes by default."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from socketserver import BaseServer

#: How often, in seconds, a server looks whether it is to end.
_LOOK = 0.01


@contextmanager
def serving(server: BaseServer) -> Iterator[None]:
    """It answers inside the block, and is closed after it."""
    thread = threading.Thread(target=server.serve_forever, args=[_LOOK], daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
