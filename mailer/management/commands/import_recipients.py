"""Puts the people in a CSV file on a list."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from mailer.audience.imports import ImportReport, import_recipients
from mailer.audience.reading import UnreadableFile
from mailer.management.commands._arguments import mailing_list_of

_SHOWN = 50


class Command(BaseCommand):
    """`manage.py import_recipients LIST FILE`."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """LIST FILE."""
        parser.add_argument("list", help="the list's slug")
        parser.add_argument("file", help="a CSV file, UTF-8, with a heading that names a column for the address")

    def handle(self, *args: Any, **options: Any) -> None:
        """Import, with a line of progress each 50,000 rows; bad lines are listed at the end. Raises CommandError."""
        mailing_list = mailing_list_of(options["list"])
        path, report = Path(options["file"]), ImportReport()
        try:
            with path.open(encoding="utf-8-sig", newline="") as lines:
                for number, report in enumerate(import_recipients(mailing_list, lines, f"import of {path.name}"), 1):
                    if number % 5 == 0:
                        self.stderr.write(f"… {report.read:,} lines read")
        except (OSError, UnicodeDecodeError, UnreadableFile) as error:
            raise CommandError(f"{path} can't be imported: {error}") from error
        for line, reason in report.errors[:_SHOWN]:
            self.stderr.write(f"line {line}: {reason}")
        if len(report.errors) > _SHOWN:
            self.stderr.write(f"… and {len(report.errors) - _SHOWN} more")
        self.stdout.write(f"{mailing_list.slug}: {report}")
