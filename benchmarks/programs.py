"""Programs that run beside the measurement, ended by their own process ids when it ends."""

import os
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


class Programs:
    """What was started, with its output in one log."""

    def __init__(self, folder: Path) -> None:
        """Logs go to the folder."""
        self.folder = folder
        self._running: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> "Programs":
        """Itself."""
        return self

    def __exit__(self, *exception: object) -> None:
        """End all at once."""
        for program in self._running:
            program.terminate()
        for program in [*self._running]:
            self.stop(program)

    def start(
        self, command: Sequence[str], port: int | None = None, environment: Mapping[str, str] | None = None
    ) -> "subprocess.Popen[bytes]":
        """Start a program, with this besides in its environment; with a port, wait until somebody listens there.

        Raises RuntimeError.
        """
        with (self.folder / "programs.log").open("ab") as log:
            around = os.environ | (environment or {})
            program = subprocess.Popen(command, stdout=log, stderr=log, cwd=ROOT, env=around)
        self._running.append(program)
        if port is not None:
            self._await_port(program, port)
        return program

    def stop(self, program: "subprocess.Popen[bytes]") -> None:
        """End one."""
        if program in self._running:
            self._running.remove(program)
        program.terminate()
        try:
            program.wait(30)
        except subprocess.TimeoutExpired:
            program.kill()
            program.wait()

    def _await_port(self, program: "subprocess.Popen[bytes]", port: int) -> None:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            if program.poll() is not None:
                break
            time.sleep(0.05)
        log = (self.folder / "programs.log").read_text(encoding="utf-8", errors="replace")
        raise RuntimeError(f"{program.args!r} does not listen on port {port}: {log[-1000:]}")
