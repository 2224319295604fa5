"""Whether this process could do its work now: the database, its tables, the broker and the journal's folder."""

import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cache
from pathlib import Path

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from mailer.insight.broker import queue_depths

#: Seconds that one part has to answer in.
PATIENCE = 2.0
FINE = "ok"
#: A part that hangs keeps its thread. There are only so many: whoever asks after that is told that it does not answer.
_threads = ThreadPoolExecutor(max_workers=4, thread_name_prefix="ready")


def readiness(parts: Mapping[str, Callable[[], str]] | None = None, patience: float = PATIENCE) -> dict[str, str]:
    """Part → "ok", or in a few words what is wrong; without addresses or passwords, as anybody may read it.

    The parts, by default PARTS, are asked side by side, so it takes `patience` seconds at most.
    """
    asked = {part: _threads.submit(ask) for part, ask in (parts or PARTS).items()}
    answered, late = wait(asked.values(), timeout=patience)
    for question in late:
        question.cancel()
    silence = f"no answer within {patience:g} s"
    return {part: question.result() if question in answered else silence for part, question in asked.items()}


def is_ready(answers: dict[str, str]) -> bool:
    """Whether all parts are well."""
    return all(answer == FINE for answer in answers.values())


def _database() -> str:
    """A connection of its own, since it is asked in a thread of its own."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        return f"can't be used ({type(error).__name__})"
    finally:
        connection.close()
    return FINE


def _migrations() -> str:
    try:
        applied = MigrationRecorder(connection).applied_migrations()
    except DatabaseError as error:
        return f"can't be read ({type(error).__name__})"
    finally:
        connection.close()
    missing = sorted(f"{app}.{name}" for app, name in _last_migrations() if (app, name) not in applied)
    return f"not applied: {', '.join(missing)}" if missing else FINE


@cache
def _last_migrations() -> tuple[tuple[str, str], ...]:
    """Each app's newest, as this version of the program has them."""
    return tuple(MigrationLoader(None).graph.leaf_nodes())


def _broker() -> str:
    return FINE if queue_depths() is not None else "can't be reached"


def _journal() -> str:
    folder: Path = settings.JOURNAL_DIR
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"ready?")
    except OSError as error:
        return f"its folder can't be written ({error.strerror or type(error).__name__})"
    return FINE


PARTS: dict[str, Callable[[], str]] = {
    "database": _database,
    "migrations": _migrations,
    "broker": _broker,
    "journal": _journal,
}
