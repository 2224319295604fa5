"""Puts the people in a CSV file on a list."""

import csv
from argparse import ArgumentParser
from itertools import islice
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from mailer.audience.imports import claim_import, run_import, work_on
from mailer.audience.reading import UnreadableFile
from mailer.audience.uploads import keep_file
from mailer.management.commands._arguments import mailing_list_of
from mailer.models import Import

_SHOWN = 50
_BLOCK = 1 << 20

_SAYS = __doc__  # in the class, __doc__ is the class's


class Command(BaseCommand):
    """`manage.py import_recipients LIST FILE`."""

    help = _SAYS

    def add_arguments(self, parser: ArgumentParser) -> None:
        """LIST FILE."""
        parser.add_argument("list", help="the list's slug")
        parser.add_argument("file", help="a CSV file with a column for the address")

    def handle(self, *args: Any, **options: Any) -> None:
        """Import, and list the bad lines. It can be undone in the admin. Raises CommandError."""
        mailing_list = mailing_list_of(options["list"])
        path = Path(options["file"])
        try:
            with path.open("rb") as file:
                imported = keep_file(mailing_list, path.name, iter(lambda: file.read(_BLOCK), b""))
        except (OSError, UnreadableFile) as error:
            raise CommandError(f"{path} can't be imported: {error}") from error
        if "email" not in imported.meanings:
            imported.delete()
            raise CommandError(f"{path} can't be imported: no column of it is known to hold the address.")
        self._run(imported)
        self.stdout.write(f"{mailing_list.slug}: {_in_words(imported)}")

    def _run(self, imported: Import) -> None:
        Import.objects.filter(pk=imported.pk).update(state=Import.State.RUNNING, woken_at=timezone.now())
        lease = claim_import(imported.pk, timezone.now())
        if lease is None:
            raise CommandError("A worker has taken the file over; see Imports in the admin.")
        work_on(lease, run_import)
        imported.refresh_from_db()
        if imported.state != Import.State.DONE:
            raise CommandError(f"{imported.file_name} can't be imported: {imported.problem}")
        with imported.bad_lines.open(encoding="utf-8-sig", newline="") as file:
            for row in islice(csv.reader(file), 1, _SHOWN + 1):
                self.stderr.write(f"line {row[0]}: {row[1]}")
        if imported.counts["invalid"] > _SHOWN:
            self.stderr.write(f"… and {imported.counts['invalid'] - _SHOWN} more in {imported.bad_lines}")


def _in_words(imported: Import) -> str:
    counts = imported.counts
    people = f"{counts['new']} new, {counts['changed']} changed, {counts['unchanged']} unchanged"
    file = f"{counts['duplicates']} twice in the file, {counts['invalid']} not usable"
    return f"{people}, {file}, {counts['unsubscribed']} unsubscribed before and left so"
