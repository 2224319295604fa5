"""Kills things. Without ROUNDS the short form: each fault once, on SQLite and on PostgreSQL, beside each other.

`ROUNDS=50` is the long form: so many rounds on each database, 20,000 recipients each, with the product's own waits and
a tick a minute. `SEED` repeats a run; `ONLY` names a part of a fault's name, `DATABASE` one database; `KEEP=1` keeps
the folders with the logs.
"""

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.crash.program import ROOT
from tests.crash.stack import environment_for

_COLUMNS = ["fault", "database", "rounds", "planned", "at_the_sink", "twice", "lost", "uncertain", "most_uncertain"]
_TITLES = ["fault", "database", "rounds", "planned", "at the sink", "twice", "lost", "uncertain", "most allowed"]


def main() -> int:
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    seed, rounds = os.environ.get("SEED") or secrets.token_hex(4), int(os.environ.get("ROUNDS") or 0)
    form = "long" if rounds else "short"
    _say(f"SEED={seed}, the {form} form")
    wanted = os.environ.get("DATABASE") or "SQLite PostgreSQL"
    began, running = time.monotonic(), []
    folders = {name: Path(tempfile.mkdtemp(prefix="afternoon-post-crash-")) for name in wanted.split()}
    try:
        for database, folder in folders.items():
            folder.chmod(0o755)
            arguments = [database, seed, str(rounds), os.environ.get("ONLY", "")]
            command = [sys.executable, "-m", "tests.crash.series", *arguments]
            environment = environment_for(folder, database, form)
            running.append(subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True))
        told = [[json.loads(line) for line in process.communicate()[0].splitlines()] for process in running]
    finally:
        for process in running:
            process.terminate()
            process.wait()
        for folder in folders.values():
            if os.environ.get("KEEP"):
                _say(f"kept: {folder}")
            else:
                shutil.rmtree(folder, ignore_errors=True)
    broken = _report([line for lines in told for line in lines])
    broken += [f"a series ended with {process.returncode}" for process in running if process.returncode]
    _say(f"SEED={seed}, {time.monotonic() - began:.0f} s", *(f"BROKEN: {words}" for words in broken))
    return 1 if broken else 0


def _report(lines: list[dict[str, Any]]) -> list[str]:
    """Print the table, a row a fault and database. Returns the broken rules in words."""
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    broken = []
    for line in lines:
        if "fault" in line:
            _add(rows.setdefault((line["fault"], line["database"]), {}), line)
            broken += [f"{line['fault']}, {line['database']}: {words}" for words in line["broken"]]
        elif "skipped" in line:
            _say(f"skipped: {line['skipped']} ({line['why']})")
        elif line["twice in all"]:
            broken.append(f"{line['twice in all']} mails came twice, counted at the very end")
    table = [[*_TITLES, "seconds to recover"]]
    table += [[*(str(row[name]) for name in _COLUMNS), f"{row['recovered']:.1f}"] for _, row in sorted(rows.items())]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    table.insert(1, ["-" * width for width in widths])
    for cells in table:
        aligned = [cell.ljust(width) if place < 2 else cell.rjust(width)
                   for place, (cell, width) in enumerate(zip(cells, widths, strict=True))]  # fmt: skip
        _say(f"| {' | '.join(aligned)} |")
    return broken


def _add(row: dict[str, Any], line: dict[str, Any]) -> None:
    for name in _COLUMNS:
        row[name] = line[name] if isinstance(line[name], str) else row.get(name, 0) + line[name]
    row["recovered"] = max(row.get("recovered", 0.0), line["recovered"])


def _say(*lines: str) -> None:
    for line in lines:
        sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
