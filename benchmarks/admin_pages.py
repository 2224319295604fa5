"""Measures each page of the admin over a large log: `make bench-admin`, or `python -m benchmarks.admin_pages`."""

import argparse
import os
import subprocess
import sys
import tempfile

from benchmarks.__main__ import settings_for
from benchmarks.programs import ROOT


def main() -> int:
    """In a process of its own, with its own settings, on a PostgreSQL that is gone afterwards if none is named."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.admin_pages", description=__doc__)
    parser.add_argument("--people", type=int, default=1_000_000, help="ten times as many deliveries")
    parser.add_argument("--requests", type=int, default=20, help="for each page")
    parser.add_argument("--database", metavar="URL", help="of a PostgreSQL that keeps what is filled for the next time")
    parser.add_argument("--only", metavar="TEXT", nargs="*", default=[], help="pages whose names hold one of these")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="afternoon-post-benchmark-") as folder:
        environment = os.environ | settings_for("postgresql", folder, 25, options.database)
        sizes = [str(options.people), str(options.requests)]
        command = [sys.executable, "-m", "benchmarks.admin_walk", *sizes, *options.only]
        return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
