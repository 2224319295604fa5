"""Database, static files, templates and demo, in one Python process: starting Python costs more than most of them."""

import io
import os
import sys
import time
from collections.abc import Sequence

import django
from django.core.management import CommandError, call_command
from django.db import Error as DatabaseError
from kombu.exceptions import OperationalError as BrokerError

from config.local.screen import complain, say

STEPS: Sequence[tuple[str, str, Sequence[str]]] = (
    ("Database", "migrate", ("--noinput",)),
    ("Static files", "collectstatic", ("--noinput",)),
    ("Templates", "sync_templates", ()),
    ("Demo", "load_demo", ()),
)


def main() -> int:
    """Run every step and say when it is ready; end with the first one that fails, and why."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    for title, command, arguments in STEPS:
        began = time.monotonic()
        try:
            call_command(command, *arguments, verbosity=0, stdout=io.StringIO())
        except (CommandError, DatabaseError, BrokerError, OSError) as error:
            complain(f"{title}: {' '.join(str(error).split())}")
            return 1
        say(f"{title} ready ({time.monotonic() - began:.1f} s)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
