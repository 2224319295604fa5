"""Holds back what may have gone out after the backup that was just restored, before any worker or beat runs."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from mailer.insight.words import count_of
from mailer.scheduling.restoring import hold_after_restore

_SAYS = __doc__  # in the class, __doc__ is the class's


class Command(BaseCommand):
    """`manage.py hold_after_restore --yes`."""

    help = _SAYS

    def add_arguments(self, parser: ArgumentParser) -> None:
        """A word that says that the reader means it."""
        parser.add_argument("--yes", action="store_true", help="the backup is restored, and no worker and no beat runs")

    def handle(self, *args: Any, **options: Any) -> None:
        """Say what was held back, and what to do with it. Raises CommandError."""
        if not options["yes"]:
            raise CommandError("This pauses every mailing that is open. Say --yes when no worker and no beat runs.")
        held = hold_after_restore(timezone.now())
        self.stdout.write(
            f"Paused {count_of(held.paused, 'mailing')}, skipped {count_of(held.skipped, 'mailing')} that had fallen"
            " due. Look at each in the admin and in the mail log: resume what had not gone out, cancel what had."
        )
