"""All measurements on one database, in a process of its own: `python -m benchmarks.one_database OPTIONS FILE`."""

import json
import sys
from importlib import import_module
from pathlib import Path

import django

if __name__ == "__main__":
    django.setup()  # before anything that has models can be imported
    measured = import_module("benchmarks.measurement").measure(json.loads(sys.argv[1]))
    Path(sys.argv[2]).write_text(json.dumps(measured), encoding="utf-8")
