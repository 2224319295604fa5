"""Takes one mail from a mail server's pipe and does what a bounce or a complaint asks for.

Ends with one of two codes of sysexits.h: 0, or 75 when the mail has to be brought again, as while the database is away.
No mail is ever refused or answered: what is no report is counted and let go.
"""

import os
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.db import Error as DatabaseError
from django.utils import timezone

from mailer.feedback.receiving import SIZE_LIMIT, receive
from mailer.feedback.returns import TooEarly
from mailer.models import Return

#: Where mail servers say to whom the envelope was addressed: Postfix's local(8), and qmail.
_VARIABLES = ("ORIGINAL_RECIPIENT", "RECIPIENT")

_SAYS = __doc__  # in the class, __doc__ is the class's


class Command(BaseCommand):
    """`manage.py receive_mail [RECIPIENT] < mail`."""

    help = _SAYS
    requires_system_checks = ()  # a mail at a time: start fast

    def add_arguments(self, parser: ArgumentParser) -> None:
        """[RECIPIENT]."""
        parser.add_argument(
            "recipient",
            nargs="?",
            default="",
            help="the envelope's recipient; default: ORIGINAL_RECIPIENT or RECIPIENT of the environment, or else what "
            "the mail's own header says",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Read the mail from standard input, and do it."""
        recipient = options["recipient"] or next(filter(None, map(os.environ.get, _VARIABLES)), "")
        raw = sys.stdin.buffer.read(SIZE_LIMIT)
        while sys.stdin.buffer.read(65_536):
            pass  # a mail server that can't write the rest would take that for a failure
        try:
            receive(raw, recipient, Return.Source.PIPE, timezone.now())
        except (TooEarly, DatabaseError) as error:
            # It goes into the mail server's log; what a database says may name a key, and so an address.
            self.stderr.write(f"Bring it again: {type(error).__name__}")
            sys.exit(os.EX_TEMPFAIL)
