"""One run per var folder. Every process of a run holds the lock, so it is free only when the last one is gone."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from config.local.screen import say

PATIENCE = 60.0  #: seconds that the processes of a killed run get to end; a worker may take 40


@contextmanager
def hold(var: Path) -> Iterator[int]:
    """Hold the lock of this folder and give its file descriptor, or say where Afternoon Post already runs."""
    descriptor = os.open(var / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _take(descriptor)
        sign(descriptor, "it has not chosen its address yet")
        yield descriptor
    finally:
        os.close(descriptor)


def sign(descriptor: int, address: str) -> None:
    """Write who holds the lock, for whoever finds it taken."""
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()} {address}".encode(), 0)


def _take(descriptor: int) -> None:
    waits = False
    until = time.monotonic() + PATIENCE
    while not _taken(descriptor):
        pid, _, address = os.pread(descriptor, 1000, 0).decode().partition(" ")
        if _is_alive(pid):
            raise SystemExit(f"Afternoon Post already runs here: {address}")
        if time.monotonic() > until:
            raise SystemExit("Processes of an earlier run do not end; see which with: fuser -v var/lock")
        if not waits:
            say("The last run was killed; waiting until its processes have ended …")
            waits = True
        time.sleep(0.1)


def _taken(descriptor: int) -> bool:
    with suppress(BlockingIOError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def _is_alive(pid: str) -> bool:
    if not pid.isdecimal():
        return True  # it has just taken the lock and not signed yet
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
