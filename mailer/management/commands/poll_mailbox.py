"""Fetches bounces and complaints from the mailbox that BOUNCE_MAILBOX names, again and again or once."""

import logging
import time
from argparse import ArgumentParser
from collections import Counter
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import Error as DatabaseError
from django.db import close_old_connections
from django.utils import timezone

from config.environment import Mailbox
from mailer.feedback.mailbox import MailboxUnavailable, poll

logger = logging.getLogger(__name__)

_SAYS = __doc__  # in the class, __doc__ is the class's


class Command(BaseCommand):
    """`manage.py poll_mailbox [--every SECONDS | --once] [--delete]`."""

    help = _SAYS

    def add_arguments(self, parser: ArgumentParser) -> None:
        """[--every SECONDS | --once] [--delete]."""
        when = parser.add_mutually_exclusive_group()
        when.add_argument("--every", type=float, default=60, metavar="SECONDS", help="default 60")
        when.add_argument("--once", action="store_true", help="look once, and end")
        parser.add_argument("--delete", action="store_true", help="delete reports that were recorded; others stay")

    def handle(self, *args: Any, **options: Any) -> None:
        """Look; until it is stopped, unless it is to look once. Raises CommandError."""
        mailbox: Mailbox | None = settings.BOUNCE_MAILBOX
        if mailbox is None:
            raise CommandError("BOUNCE_MAILBOX is not set: imaps://user:password@imap.example.org/INBOX")
        if options["once"]:
            try:
                self._tell(poll(mailbox, options["delete"], timezone.now))
            except (MailboxUnavailable, DatabaseError) as error:
                raise CommandError(str(error)) from error
            return
        while True:
            self._look(mailbox, options["delete"])
            time.sleep(options["every"])

    def _look(self, mailbox: Mailbox, delete: bool) -> None:
        """What can't be done now is done next time."""
        close_old_connections()
        try:
            self._tell(poll(mailbox, delete, timezone.now))
        except MailboxUnavailable as error:
            logger.warning("Not now: %s", error)
        except DatabaseError as error:
            logger.warning("The mailbox is not read while the database can't be used: %s", type(error).__name__)

    def _tell(self, done: Counter[str]) -> None:
        if done.total():
            self.stdout.write(", ".join(f"{what} {count}" for what, count in sorted(done.items())))
