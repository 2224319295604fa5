"""Waits for what another process does."""

import time
from collections.abc import Callable

PATIENCE = 20.0


def wait_until(done: Callable[[], bool]) -> None:
    """Wait until it is so; fail when it never is."""
    until = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < until, "this never came true"
        time.sleep(0.02)
