"""Serves the peer's endpoint, in benchmarks/.venv: `gunicorn "benchmarks.peer_server:serve('WORK.json')"`.

`python -m benchmarks.peer_server WORK.json` fills its database first.
"""

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from django.core.handlers.wsgi import WSGIHandler
from django.core.management import call_command
from django.db import connection

from benchmarks.peer_script import configure


def serve(path: str) -> WSGIHandler:
    """The application."""
    configure(_read(path))
    return WSGIHandler()


def prepare(work: dict[str, Any]) -> None:
    """Tables, a key and the template."""
    configure(work)
    call_command("migrate", verbosity=0)
    api = import_module("benchmarks.peer_api")
    with connection.schema_editor() as editor:
        editor.create_model(api.Key)
    api.Key.objects.create(digest=api.digest_of(work["token"]))
    api.EmailTemplate.objects.create(**work["template"])


def _read(path: str) -> dict[str, Any]:
    work: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
    return work


if __name__ == "__main__":
    prepare(_read(sys.argv[1]))
