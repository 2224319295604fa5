"""Measures each page of the admin over a large log: `make bench-admin`, or `python -m benchmarks.admin_pages`."""

import argparse
import os
import subprocess
import sys
import tempfile

from benchmarks.__main__ import settings_for
from benchmarks.programs import ROOT


def main() -> int:
    """In a process of its own, with its own settings, on a PostgreSQL that is gone afterwards."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.admin_pages", description=__doc__)
    parser.add_argument("--people", type=int, default=1_000_000, help="ten times as many deliveries")
    parser.add_argument("--requests", type=int, default=20, help="for each page")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="afternoon-post-benchmark-") as folder:
        environment = os.environ | settings_for("postgresql", folder, 25)
        command = [sys.executable, "-m", "benchmarks.admin_walk", str(options.people), str(options.requests)]
        return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
