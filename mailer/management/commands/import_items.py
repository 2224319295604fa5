"""Adds digest items from a JSON file to a list."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from mailer.audience.items import import_items, read_json
from mailer.audience.reading import UnreadableFile
from mailer.management.commands._arguments import mailing_list_of, text_of

_SAYS = __doc__  # in the class, __doc__ is the class's


class Command(BaseCommand):
    """`manage.py import_items LIST FILE`."""

    help = _SAYS

    def add_arguments(self, parser: ArgumentParser) -> None:
        """LIST FILE."""
        parser.add_argument("list", help="the list's slug")
        parser.add_argument("file", help="a JSON list of objects with title, url, summary, category, published_at, …")

    def handle(self, *args: Any, **options: Any) -> None:
        """Import; bad entries are listed. Raises CommandError."""
        mailing_list = mailing_list_of(options["list"])
        try:
            report = import_items(mailing_list, read_json(text_of(options["file"])), timezone.now())
        except UnreadableFile as error:
            raise CommandError(str(error)) from error
        for number, reason in report.errors:
            self.stderr.write(f"item {number}: {reason}")
        self.stdout.write(
            f"{mailing_list.slug}: {report.new} new, {report.changed} changed, {report.unchanged} unchanged, "
            f"{len(report.errors)} not usable"
        )
