"""Where a row runs: a folder, a database, a mail server, and the programs it starts; all are gone with it."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import psycopg
from django.db import connection

from tests.crash.program import ROOT, Program, wait_for
from tests.servers import accepts

QUEUES = "default,transactional,bulk"


class Place:
    """The programs by their starting, and the environment that they share."""

    def __init__(self, folder: Path, environment: Mapping[str, str] = os.environ) -> None:
        self.folder, self.environment = folder, dict(environment)
        self.programs: list[Program] = []
        self.ledger = folder / "ledger"
        self.sink_port = int(self.environment.get("MATRIX_SINK_PORT", "0"))

    @property
    def names(self) -> list[str]:
        return [program.name for program in self.programs]

    @property
    def database(self) -> str:
        """The name of its database."""
        return self.environment["DATABASE_URL"].rpartition("/")[2]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        for program in self.programs:
            program.signal(signal.SIGCONT)
            program.kill()

    def start(self, name: str, command: list[str], code: Path = ROOT, **environment: str) -> Program:
        """With the code in that folder, which is another version's for some."""
        log = self.folder / f"{name}.log"
        program = Program(name, command, self.environment | environment, log, folder=code)
        program.start()
        self.programs.append(program)
        return program

    def start_sink(self, seconds: float = 0.0) -> None:
        """A mail server that takes so long for each mail."""
        port = str(self.sink_port)
        self.start("sink", [sys.executable, "-m", "tests.crash.sink", port, str(self.ledger), str(seconds)])
        wait_for(lambda: accepts(self.sink_port), "the mail server")

    def start_worker(self, name: str = "worker", options: str = "", queues: str = QUEUES, **more: Any) -> Program:
        words = f"worker --queues {queues} {options} -n {name}@matrix"
        return self.start(name, [sys.executable, "-m", "celery", "--quiet", "-A", "config", *words.split()], **more)

    def start_beat(self, name: str = "beat", **more: Any) -> Program:
        return self.start(name, [sys.executable, "-m", "celery", "--quiet", "-A", "config", "beat"], **more)

    def manage(self, *words: str, code: Path = ROOT) -> str:
        """`manage.py` to its end. Raises RuntimeError with what it said if it fails."""
        command = [sys.executable, "manage.py", *words]
        done = subprocess.run(command, cwd=code, env=self.environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"manage.py {words[0]}: {done.stderr[-2000:]}")
        return done.stdout

    def use_database(self, name: str, template: str = "template1") -> None:
        """From here on another database of the same server, made now; for this process and what it starts."""
        server = self.environment["DATABASE_URL"]
        self.environment["DATABASE_URL"] = make_database(database_url(server, "postgres"), name, template)
        connection.close()
        connection.settings_dict["NAME"] = name

    def said(self, name: str) -> str:
        """The end of a program's log."""
        path = self.folder / f"{name}.log"
        return path.read_text(encoding="utf-8", errors="replace")[-4000:] if path.exists() else ""


def make_template_database(server: str) -> None:
    """Migrate once; each row's database is a copy of this one."""
    make_database(server, "matrix", "template1")
    environment = environment_for(Path("/nonexistent"), database_url(server, "matrix"), "redis://127.0.0.1:1/0", 1)
    subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, env=environment, check=True)


def make_database(server: str, name: str, template: str = "matrix") -> str:
    """Returns its URL."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')  # type: ignore[call-overload]
    return database_url(server, name)


def database_url(server: str, name: str) -> str:
    return f"{server.rpartition('/')[0]}/{name}"


def environment_for(folder: Path, database: str, broker: str, sink: int) -> dict[str, str]:
    """The service's settings: its defaults, but for where things are."""
    return os.environ | {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "SECRET_KEY": "a key for the matrix, long enough to please the checks and of no other use",
        "ALLOWED_HOSTS": "post.example.org",
        "HTTPS": "false",
        "SITE_URL": "https://post.example.org",
        "DEFAULT_FROM_EMAIL": "post@example.org",
        "VAR_DIR": str(folder),
        "DATABASE_URL": database,
        "CELERY_BROKER_URL": broker,
        "EMAIL_URL": f"smtp://127.0.0.1:{sink}",
        "LOG_LEVEL": "INFO",
        "MATRIX_SINK_PORT": str(sink),
    }
