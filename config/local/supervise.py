"""The processes of a run: relays their output, notices the first that ends, and stops them all."""

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, cast

from honcho.colour import get_colours
from honcho.printer import Message, Printer

from config.local import child

GRACE = 40.0  #: seconds for web, worker and beat to finish what they do
SERVICE_GRACE = 10.0  #: seconds for the services to write their data
CHUNK = 65536


@dataclass
class Member:
    """One running process, and what it said last."""

    name: str
    popen: subprocess.Popen[bytes]
    stream: IO[bytes]
    is_service: bool  #: others need it, so it stops after them
    colour: str
    unfinished: bytes = b""
    last_line: str = ""


@dataclass
class Crew:
    """Everything that runs. All waiting goes through it, so that a crash or Ctrl-C is noticed at any time."""

    printer: Printer
    env: Mapping[str, str]
    cwd: Path
    keep: Sequence[int] = ()  #: open files that each process inherits
    members: list[Member] = field(default_factory=list)
    asked_to_stop: int = 0

    def __post_init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._colours = get_colours()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._note_signal)

    def start(self, name: str, command: Sequence[str], is_service: bool = False, keep: Sequence[int] = ()) -> None:
        """Start a process that must run until we stop it."""
        self._add(name, child.start(command, self.env, self.cwd, [*self.keep, *keep]), is_service)

    def run(self, name: str, command: Sequence[str]) -> None:
        """Run a command to its end; what it prints goes to our standard output. Leaves if it fails."""
        member = self._add(name, child.start(command, self.env, self.cwd, self.keep, talks=True), is_service=False)
        self.wait_until(lambda: member.popen.poll() is not None, but=member)
        self._relay_rest(member)
        self.members.remove(member)
        if code := member.popen.returncode:
            raise SystemExit(member.last_line.removeprefix("CommandError: ") or _ended(member, code))

    def wait_until(self, done: Callable[[], bool], timeout: float = float("inf"), but: Member | None = None) -> bool:
        """Wait, relaying output. Leaves as soon as a process other than `but` ends by itself.

        Raises KeyboardInterrupt after Ctrl-C, SIGTERM, or when the terminal was closed.
        """
        until = time.monotonic() + timeout
        while not done():
            self._relay(0.1)
            if self.asked_to_stop:
                raise KeyboardInterrupt
            for member in self.members:
                if member is not but and (code := member.popen.poll()) is not None:
                    self._relay_rest(member)
                    raise SystemExit(_ended(member, code))
            if time.monotonic() > until:
                return False
        return True

    def stop(self) -> None:
        """Stop everything: first those who work, then the services they need. Another Ctrl-C hurries."""
        self._end([member for member in self.members if not member.is_service], GRACE)
        self._end([member for member in self.members if member.is_service], SERVICE_GRACE)
        self.members.clear()

    def _end(self, members: Sequence[Member], grace: float) -> None:
        hurry_after = self.asked_to_stop
        until = time.monotonic() + grace
        for member in members:
            member.popen.terminate()
        while any(member.popen.poll() is None for member in members) and time.monotonic() < until:
            self._relay(0.05)
            # A hurried service would lose data that it writes in a moment.
            if self.asked_to_stop > hurry_after and not members[0].is_service:
                break
        for member in members:
            _kill_group(member)
            self._relay_rest(member)

    def _add(self, name: str, popen: subprocess.Popen[bytes], is_service: bool) -> Member:
        stream = cast(IO[bytes], popen.stdout or popen.stderr)
        member = Member(name, popen, stream, is_service, next(self._colours))
        os.set_blocking(stream.fileno(), False)
        self._selector.register(stream, selectors.EVENT_READ, member)
        self.members.append(member)
        self.printer.width = max(self.printer.width, len(name))
        return member

    def _relay(self, timeout: float) -> None:
        for key, _ in self._selector.select(timeout):
            data = os.read(key.fd, CHUNK)
            if not data:
                self._selector.unregister(key.fileobj)
            self._print(key.data, data)

    def _relay_rest(self, member: Member) -> None:
        if member.stream.closed:
            return
        with suppress(KeyError):
            self._selector.unregister(member.stream)
        self._print(member, (member.stream.read() or b"") + b"\n")
        member.stream.close()

    def _print(self, member: Member, data: bytes) -> None:
        *lines, member.unfinished = (member.unfinished + data).split(b"\n")
        for line in filter(None, (line.decode(errors="replace").rstrip() for line in lines)):
            member.last_line = line
            self.printer.write(Message("line", line, datetime.now().astimezone(), member.name, member.colour))

    def _note_signal(self, number: int, frame: object) -> None:
        self.asked_to_stop += 1


def _ended(member: Member, code: int) -> str:
    if code < 0:
        return f"{member.name} was killed by {signal.Signals(-code).name}."
    return f"{member.name} ended by itself with exit code {code}: {member.last_line or 'it said nothing'}"


def _kill_group(member: Member) -> None:
    # The process may be gone and one of its own children not.
    with suppress(ProcessLookupError):
        os.killpg(member.popen.pid, signal.SIGKILL)
    member.popen.wait()
