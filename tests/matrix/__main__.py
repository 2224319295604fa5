"""Runs the matrix and prints its table: `make test-matrix`, or `python -m tests.matrix [words of rows]`."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.crash.program import ROOT
from tests.matrix.brokers import empty, find_brokers
from tests.matrix.place import environment_for, make_database, make_template_database
from tests.servers import free_port, start_postgresql

_POOLS = {
    "prefork": "--pool prefork --concurrency 4",
    "solo": "--pool solo",
    "threads": "--pool threads --concurrency 4",
    "gevent": "--pool gevent --concurrency 4",
    "eventlet": "--pool eventlet --concurrency 4",
}


@dataclass(frozen=True)
class Row:
    """A line of the table."""

    part: str
    what: str
    case: str
    arguments: dict[str, Any] = field(default_factory=dict)
    broker: str = "Valkey"


def main() -> int:
    """Returns 1 if anything was not exact; what could not be tried is said and is no fault."""
    wanted, brokers = sys.argv[1:], find_brokers()
    server, worst = start_postgresql(), 0
    make_template_database(server)
    _print("| Part | What | Seconds | Found |\n|---|---|---|---|")
    for number, row in enumerate(_rows(brokers["Redis"])):
        if wanted and not any(word in f"{row.part} {row.what}" for word in wanted):
            continue
        broker = brokers[row.broker]
        if "://" not in broker:
            _print(f"| {row.part} | {row.what} | – | skipped: {broker} |")
            continue
        empty(broker)
        began = time.monotonic()
        found = _run(row, broker, make_database(server, f"row{number}"))
        said = ", ".join(f"{name}: {value}" for name, value in found.items() if name not in ("broken", "said"))
        if "skipped" in found:
            said = f"skipped: {found['skipped']}"
        if "broken" in found:
            worst, said = 1, f"**broken**: {found['broken']}"
        _print(f"| {row.part} | {row.what} | {time.monotonic() - began:.0f} | {said} |")
        for name, log in found.get("said", {}).items():
            _print(f"--- {name}\n{log}", sys.stderr)
    return worst


def _rows(redis: str) -> Iterator[Row]:
    for delay in (0, 0.05):
        for name, options in _POOLS.items():
            arguments = {"options": options, "seconds": delay}
            yield Row("Pool", f"{name}, {delay * 1000:.0f} ms a mail", "digest", arguments)
    yield Row("Concurrency", "--max-tasks-per-child 2", "children")
    yield Row("Concurrency", "--autoscale 10,3", "autoscale")
    yield Row("Queues", "a worker for single mails beside the bulk run", "single")
    yield Row("Workers", "two, one child each", "digest", {"options": "--concurrency 1", "workers": 2})
    yield Row("Workers", "on two hosts (network namespaces)", "hosts")
    yield Row("Pacing", "limits that hold for two hosts together", "pacing")
    yield Row("Upgrade", "old workers and new code on one database, under load", "upgrade")
    yield Row("Backup", "restored after mails had gone out since", "backup")
    for broker in ("Redis", "RabbitMQ", "SQS (moto)"):
        yield Row("Broker", broker, "digest", {"options": "--concurrency 2"}, broker)
    other = {"options": "--concurrency 2", "CELERY_RESULT_BACKEND": redis}
    yield Row("Results", "another backend for other tasks: Redis", "digest", other, "Redis")
    for broker in ("Valkey", "Redis", "RabbitMQ", "SQS (moto)"):
        yield Row("Later", f"10 s, 10 min, 3 h by {broker}", "later", {}, broker)


def _run(row: Row, broker: str, database: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="afternoon-post-matrix-") as folder:
        command = [sys.executable, "-m", "tests.matrix.row", row.case, folder, json.dumps(row.arguments)]
        environment = environment_for(Path(folder), database, broker, free_port())
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            return {"broken": done.stderr[-1500:]}
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return found


def _print(text: str, to: Any = sys.stdout) -> None:
    print(text, file=to, flush=True)


if __name__ == "__main__":
    sys.exit(main())
