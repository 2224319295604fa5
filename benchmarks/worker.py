"""The Celery worker that is measured: the one of the Procfile, two processes."""

import sys
import time
from pathlib import Path

from benchmarks.machine import children, cpu_seconds, peak_megabytes
from benchmarks.programs import Programs

PROCESSES = 2


class Worker:
    """A running worker."""

    def __init__(self, programs: Programs) -> None:
        """Start it, and wait for its processes."""
        self._programs = programs
        self._program = programs.start(
            [
                sys.executable, "-m", "celery", "--quiet", "-A", "config", "worker",
                "--queues", "default,transactional,bulk", "--concurrency", str(PROCESSES),
                "--without-gossip", "--without-mingle", "--loglevel", "WARNING",
            ]
        )  # fmt: skip
        for _ in range(400):
            if len(children(self._program.pid)) >= PROCESSES:
                return
            time.sleep(0.05)
        log = (programs.folder / "programs.log").read_text(encoding="utf-8", errors="replace")
        raise RuntimeError(f"the worker did not start: {log[-1000:]}")

    def cpu_seconds(self) -> float:
        """User and system time of all its processes so far."""
        return cpu_seconds(self._program.pid)

    def peak_megabytes(self) -> float:
        """The most memory that one of the sending processes ever had resident."""
        return max(peak_megabytes(pid) for pid in children(self._program.pid))

    def stop(self) -> None:
        """End it."""
        self._programs.stop(self._program)


def read_log(folder: Path) -> str:
    """What the programs said."""
    path = folder / "programs.log"
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
