"""django-post_office at its best settings, in its own virtual environment: the same mails, enqueued and sent."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from django.db import connection

from benchmarks.letters import Sample, without_markdown
from benchmarks.programs import ROOT
from mailer.templating.inlining import inline_source

PYTHON = ROOT / "benchmarks" / ".venv" / "bin" / "python"


class PostOffice:
    """Starts the peer's script once a run; only what it times itself counts."""

    def __init__(self, folder: str, sink_port: int, sample: Sample, mails: int) -> None:
        """CSS is inlined ahead here, as we do it ourselves; left to itself, it would be done for each mail."""
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("CREATE DATABASE peer")
        version = sample.mailing.version
        self._work = Path(folder) / "peer.json"
        work = {
            "folder": folder,
            "name": "peer",
            "port": sink_port,
            "database": os.environ["DATABASE_URL"],
            "subject": version.subject,
            "html": inline_source(without_markdown(version.html)),
            "text": without_markdown(version.text),
            "shared": sample.shared,
            "people": [sample.people[number % len(sample.people)] for number in range(mails)],
        }
        self._work.write_text(json.dumps(work, default=_iso), encoding="utf-8")

    def run(self) -> dict[str, float]:
        """Mails a second: enqueueing and sending together, and sending alone."""
        command = [str(PYTHON), "-m", "benchmarks.peer_script", str(self._work)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"django-post_office failed: {done.stderr[-2000:]}")
        measured: dict[str, float] = json.loads(done.stdout)
        return measured


def _iso(value: Any) -> str:
    return str(value.isoformat())
