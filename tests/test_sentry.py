"""Sentry learns of a task's error, and of nobody's address; without a DSN nothing is imported."""

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tests.serving import serving

ROOT = Path(__file__).resolve().parent.parent
FAIL = """
import django
django.setup()
from config.celery import app

@app.task(name="tests.fail")
def fail(address):
    token = "local-secret"
    raise ValueError(f"no mail for {address}: refused")

fail.apply(args=["ada@example.org"])
import sentry_sdk
sentry_sdk.flush(10)
"""
LOOK = "import sys, django; django.setup(); print([name for name in sys.modules if name.startswith('sentry')])"


class Sentry(HTTPServer):
    """Takes what is sent to it."""

    received: list[str]


class Intake(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        assert isinstance(self.server, Sentry)
        packed = self.headers.get("Content-Encoding") == "gzip"
        self.server.received.append((gzip.decompress(body) if packed else body).decode())
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the test looks at what came."""


@pytest.fixture
def sentry() -> Iterator[Sentry]:
    server = Sentry(("127.0.0.1", 0), Intake)
    server.received = []
    with serving(server):
        yield server


def run(program: str, tmp_path: Path, dsn: str) -> str:
    environment = {
        "PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "config.settings", "VAR_DIR": str(tmp_path),
        "SECRET_KEY": "x9!" * 20 + "abcdefghij", "ALLOWED_HOSTS": "post.example.org", "SENTRY_DSN": dsn,
        "DATABASE_URL": "sqlite://:memory:", "CELERY_RESULT_BACKEND": "",
    }  # fmt: skip
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_an_error_in_a_task_arrives_without_anybodys_address(sentry: Sentry, tmp_path: Path) -> None:
    run(FAIL, tmp_path, f"http://key@127.0.0.1:{sentry.server_port}/1")
    told = "\n".join(sentry.received)
    assert "no mail for [address]: refused" in told
    assert "tests.fail" in told
    assert "ada@example.org" not in told
    events = [json.loads(line) for line in told.splitlines() if '"exception"' in line]
    assert len(events) == 1
    assert not {"request", "user", "extra", "breadcrumbs"} & set(events[0])
    assert not any("vars" in frame for frame in events[0]["exception"]["values"][0]["stacktrace"]["frames"])


def test_without_a_dsn_nothing_is_imported(tmp_path: Path) -> None:
    assert run(LOOK, tmp_path, "").strip() == "[]"
