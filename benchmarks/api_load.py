"""Notifications taken by HTTP under load: our API, and django-post_office behind an endpoint of the same kind.

Both on gunicorn as in the Procfile, each with a database of its own, and nobody sends what was taken.
"""

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.db import connection, connections

from benchmarks.api_client import CLIENTS, WARM_UP
from benchmarks.letters import without_markdown
from benchmarks.peer import PYTHON
from benchmarks.programs import ROOT, Programs
from benchmarks.rounds import Case
from mailer.models import ApiKey, Scope, TemplateVersion
from mailer.templating.inlining import inline_source
from tests.servers import free_port

WORKERS, THREADS = 2, 4
_OURS, _PEER = "api", "api_post_office"


@dataclass
class Side:
    """One of the two: who listens, and where what it took is written down."""

    name: str  #: of its figures and of its database
    table: str
    port: int
    token: str
    listen: Callable[[], object]  #: starts it, before the first round
    listens: bool = False
    asked: int = 0

    def run(self, requests: int) -> dict[str, float]:
        """One round. Raises RuntimeError if what was accepted is not what is there."""
        if not self.listens:
            self.listen()
            self.listens = True
        before = self._rows()
        work = {"port": self.port, "token": self.token, "first": self.asked, "requests": requests}
        self.asked += requests + CLIENTS * WARM_UP
        command = [sys.executable, "-m", "benchmarks.api_client", json.dumps(work)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{self.name} failed: {done.stderr[-2000:]}")
        figures = json.loads(done.stdout)
        there, accepted = self._rows() - before, figures["accepted"]
        if not there == accepted == requests + CLIENTS * WARM_UP:
            raise RuntimeError(f"{self.name}: {accepted} of {requests} were accepted, and {there} are there")
        return {f"{self.name}_per_s": figures["per_s"], f"{self.name}_p95_ms": figures["p95_ms"]}

    def _rows(self) -> int:
        with connections[self.name].cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM {self.table}")  # noqa: S608 - the names are above
            return int(cursor.fetchone()[0])


def cases(programs: Programs, requests: int) -> list[Case]:
    """Both; to be made while our own database has nothing in it but templates."""
    requests -= requests % CLIENTS
    sides = [_ours(programs), _peer(programs)]
    return [Case(side.name, partial(side.run, requests)) for side in sides]


def _ours(programs: Programs) -> Side:
    url, port = _copy_database(programs.folder), free_port()
    key = ApiKey(name="Load", scopes=[Scope.NOTIFICATIONS.value], per_minute=10_000_000)
    token = key.set_token()
    key.save(using=_OURS)
    # Nobody reads that part of the broker: a worker's work is not in these figures, telling one is.
    environment = {"DATABASE_URL": url, "CELERY_BROKER_URL": f"{os.environ['REDIS_URL'].rpartition('/')[0]}/9"}
    command = _gunicorn(Path(sys.executable), port, "config.wsgi")
    return Side(_OURS, "mailer_delivery", port, token, lambda: programs.start(command, port, environment))


def _peer(programs: Programs) -> Side:
    """Its tables are made while the caller goes on; that takes seconds."""
    port, token = free_port(), secrets.token_urlsafe(32)
    _add_database(_PEER, programs.folder)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {_PEER}")
    path = programs.folder / f"{_PEER}.json"
    work = {"folder": str(programs.folder), "name": _PEER, "database": os.environ["DATABASE_URL"], "port": 9}
    work |= {"token": token, "template": _template()}
    path.write_text(json.dumps(work), encoding="utf-8")
    preparing = programs.start([str(PYTHON), "-m", "benchmarks.peer_server", str(path)])
    command = _gunicorn(PYTHON, port, f"benchmarks.peer_server:serve({str(path)!r})")

    def listen() -> None:
        if preparing.wait():
            raise RuntimeError("django-post_office's database could not be made")
        programs.start(command, port)

    return Side(_PEER, "post_office_email", port, token, listen)


def _gunicorn(python: Path, port: int, application: str) -> Sequence[str]:
    options = f"--worker-class gthread --workers {WORKERS} --threads {THREADS} --log-level warning"
    return [str(python), "-m", "gunicorn", application, "--bind", f"127.0.0.1:{port}", *options.split()]


def _copy_database(folder: Path) -> str:
    """Migrating once more would take longer than all that is measured here in the short form. Returns its URL."""
    name = _add_database(_OURS, folder)
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("VACUUM INTO %s", [name])
            return f"sqlite:///{name}"
        cursor.execute(f"CREATE DATABASE {name} TEMPLATE {connection.settings_dict['NAME']}")
    return urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()


def _add_database(alias: str, folder: Path) -> str:
    """Of the same kind as our own, known to Django here so that its rows can be counted. Returns its name."""
    name = str(folder / f"{alias}.sqlite3") if connection.vendor == "sqlite" else alias
    connections.databases[alias] = {**connections.databases["default"], "NAME": name}
    return name


def _template() -> dict[str, Any]:
    """The notification as the peer's template: CSS is inlined ahead, as for its digest."""
    version = TemplateVersion.objects.to_send().get(template__slug="notification")
    html, text = inline_source(without_markdown(version.html)), without_markdown(version.text)
    return {"name": "notification", "subject": version.subject, "html_content": html, "content": text}
