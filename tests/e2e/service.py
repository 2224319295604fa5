"""The service as `make run` starts it, with a mail server of the test's own behind it."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Self

from dotenv import dotenv_values

from tests.fake_relay import FakeRelay
from tests.servers import free_port

ROOT = Path(__file__).resolve().parents[2]
_NOT_OURS = ("DJANGO_SETTINGS_MODULE", "DATABASE_URL", "REDIS_URL", "SECRET_KEY", "ALLOWED_HOSTS", "HTTPS", "SITE_URL")


class Service:
    """Web, worker, beat, Valkey and a SQLite database in a folder, on a free port."""

    def __init__(self, folder: Path, relay: FakeRelay) -> None:
        self.folder, self.relay, self.port = folder, relay, free_port()
        self.url = f"http://localhost:{self.port}"

    def __enter__(self) -> Self:
        environment = {name: value for name, value in os.environ.items() if name not in _NOT_OURS}
        environment |= {
            "VAR_DIR": str(self.folder),
            "PORT": str(self.port),
            "EMAIL_URL": f"smtp://127.0.0.1:{self.relay.port}",
            "EMAIL_TIMEOUT": "2",
            "FETCH_ALLOW": "127.0.0.0/8,::1/128",
        }
        self._log = (self.folder / "service.log").open("wb")
        command = [sys.executable, "-m", "config.local.up"]
        self._program = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=self._log, stderr=self._log)
        self._await(90)
        return self

    def __exit__(self, *exception: object) -> None:
        self._program.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            self._program.wait(40)
        self._log.close()

    @property
    def password(self) -> str:
        return dotenv_values(self.folder / "local.env")["ADMIN_PASSWORD"] or ""

    def manage(self, *arguments: str) -> str:
        """`manage.py` beside the running service."""
        environment = {name: value for name, value in os.environ.items() if name not in _NOT_OURS}
        values = {name: value or "" for name, value in dotenv_values(self.folder / "local.env").items()}
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(
            command, cwd=ROOT, env=environment | values, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _await(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if "Afternoon Post runs." in self._said():
                return
            assert self._program.poll() is None, self._said()
            time.sleep(0.2)
        raise AssertionError(f"the service did not start: {self._said()}")

    def _said(self) -> str:
        return (self.folder / "service.log").read_text(encoding="utf-8", errors="replace")
