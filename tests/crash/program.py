"""A process of a run that can be killed, stopped and started again with the same command."""

import ctypes
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import psutil

ROOT = Path(__file__).resolve().parents[2]
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


@dataclass
class Program:
    """One of the run's processes, with the children that it starts itself."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    user: int | None = None
    folder: Path = ROOT  #: of the code that it runs
    wanted: bool = field(default=False, init=False)  #: whether it is meant to run just now
    _process: "subprocess.Popen[bytes] | None" = field(default=None, init=False)

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command, env=self.environment, cwd=self.folder, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                user=self.user, group=self.user, start_new_session=True, preexec_fn=_die_with_parent,
            )  # fmt: skip
        self.wanted = True

    @property
    def died(self) -> bool:
        """Whether it is gone and nobody killed it."""
        return self.wanted and self._process is not None and self._process.poll() is not None

    def kill(self) -> None:
        """SIGKILL to it and all its children: no time for a last word."""
        self.wanted = False
        family = list(self._family())
        for process in family:
            _signal(process, signal.SIGKILL)
        if self._process is not None:
            self._process.wait()
        psutil.wait_procs(family, timeout=10)

    def kill_child(self, chance: Random) -> None:
        _, *children = self._family()
        _signal(chance.choice(children), signal.SIGKILL)

    def signal(self, number: int) -> None:
        """To it and to all its children."""
        for process in self._family():
            _signal(process, number)

    def children(self) -> list[int]:
        """The ids of the processes that it has started."""
        return [process.pid for process in self._family()][1:]

    def terminate(self, grace: float) -> float:
        """SIGTERM to it alone, as a supervisor does. Returns how many seconds it took; it is killed after `grace`."""
        self.wanted = False
        began = time.monotonic()
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(grace)
            except subprocess.TimeoutExpired:
                self.kill()
        return time.monotonic() - began

    def _family(self) -> Iterator[psutil.Process]:
        if self._process is not None and self._process.poll() is None:
            parent = psutil.Process(self._process.pid)
            yield parent
            yield from parent.children(recursive=True)


def wait_for(condition: Callable[[], bool], what: str, limit: float = 60.0, pause: float = 0.02) -> None:
    """Raises TimeoutError."""
    ends = time.monotonic() + limit
    while not condition():
        if time.monotonic() > ends:
            raise TimeoutError(f"{what}: not within {limit:.0f} s")
        time.sleep(pause)


def _signal(process: psutil.Process, number: int) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        pass  # it was quicker


def _die_with_parent() -> None:
    """In the child: a run that is killed itself leaves nothing behind."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
