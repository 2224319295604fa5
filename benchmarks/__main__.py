"""Measures, prints the table and keeps the figures: `make bench`, or `python -m benchmarks`."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.postfix import Postfix, find_postfix
from benchmarks.programs import ROOT, Programs
from benchmarks.report import Conditions, write_report
from tests.servers import start_postgresql, start_valkey

FULL = {"rounds": 5, "mails": 20_000, "own_items_mails": 4000, "slow_mails": 80, "far": 4, "requests": 240}
FULL |= {"people": 1_000_000, "runs": 3, "imported": 1_000_000, "memory": True}
QUICK = {"rounds": 2, "mails": 8000, "own_items_mails": 1000, "slow_mails": 50, "far": 1, "requests": 80}
QUICK |= {"people": 0, "runs": 0, "imported": 0, "memory": False}


def main() -> int:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="under a minute, and without the long lists")
    parser.add_argument("--database", choices=["sqlite", "postgresql", "both"])
    parser.add_argument("--rounds", type=int)
    options = parser.parse_args()
    databases = [options.database] if options.database else ["sqlite"] if options.quick else ["both"]
    databases = ["sqlite", "postgresql"] if databases == ["both"] else databases
    sizes: dict[str, Any] = dict(QUICK if options.quick else FULL)
    sizes["rounds"] = options.rounds or sizes["rounds"]
    postfix, started, load = find_postfix(), time.time(), os.getloadavg()[0]
    measured = {}
    for number, database in enumerate(databases):
        alone = {"far": 0, "memory": False} if number else {}  # these say nothing about the database
        measured[database] = _measure(database, postfix, sizes | alone)
    conditions = Conditions(options.quick, load, postfix.sink_name, postfix.why_not, time.time() - started)
    write_report(measured, conditions, ROOT / "benchmarks" / "latest.json")
    return 0


def _measure(database: str, postfix: Postfix, sizes: dict[str, Any]) -> dict[str, Any]:
    """On one database, in a process of its own with its own settings. Raises RuntimeError."""
    print(f"{database}:", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory(prefix="afternoon-post-benchmark-") as folder, Programs(Path(folder)) as programs:
        Path(folder).chmod(0o755)
        port = postfix.start_sink(programs)
        work = sizes | {"folder": folder, "sink_port": port, "source": postfix.source}
        results = Path(folder) / "results.json"
        command = [sys.executable, "-m", "benchmarks.one_database", json.dumps(work), str(results)]
        environment = os.environ | settings_for(database, folder, port)
        done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, check=False)
        if done.returncode:
            log = (Path(folder) / "programs.log").read_text(encoding="utf-8", errors="replace")
            raise RuntimeError(f"measuring on {database} failed; the programs said: {log[-3000:]}")
        measured: dict[str, Any] = json.loads(results.read_text(encoding="utf-8"))
        return measured


def settings_for(database: str, folder: str, port: int, url: str | None = None) -> dict[str, str]:
    """The service's settings: its defaults, but for where things are; with `url`, a database that runs already."""
    if url is None:
        url = start_postgresql() if database == "postgresql" else f"sqlite:///{folder}/db.sqlite3"
    return {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "SECRET_KEY": "a key for benchmarks, long enough to please the checks and of no other use",
        "ALLOWED_HOSTS": "post.example.org",
        "HTTPS": "false",
        "SITE_URL": "https://post.example.org",
        "DEFAULT_FROM_EMAIL": "post@example.org",
        "VAR_DIR": folder,
        "DATABASE_URL": url,
        "REDIS_URL": start_valkey(),
        "CELERY_BROKER_URL": "",
        "EMAIL_URL": f"smtp://127.0.0.1:{port}",
        "LOG_LEVEL": "WARNING",
    }


if __name__ == "__main__":
    sys.exit(main())
