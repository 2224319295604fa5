"""Writes the delivery log of some days into a file, as CSV or as JSON lines, to be kept elsewhere."""

import csv
import gzip
import io
import json
import os
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import IO, Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from mailer.insight.exports import cell
from mailer.insight.log_export import COLUMNS, Row, Wanted, read_log
from mailer.management.commands._arguments import mailing_list_of
from mailer.models import Delivery

_SAYS = __doc__  # in the class, __doc__ is the class's


class Command(BaseCommand):
    """`manage.py export_logs log.csv.gz --from 2026-01-01 --to 2026-01-31`."""

    help = _SAYS

    def add_arguments(self, parser: ArgumentParser) -> None:
        """File, --from DAY, --to DAY [--format csv|jsonl] [--list SLUG] [--state STATE] [--force]."""
        parser.add_argument("file", type=Path, help="packed if its name ends with .gz")
        days = "a day in PROJECT_TIME_ZONE, included"
        parser.add_argument("--from", dest="first", type=date.fromisoformat, required=True, metavar="DAY", help=days)
        parser.add_argument("--to", dest="last", type=date.fromisoformat, required=True, metavar="DAY", help=days)
        parser.add_argument("--format", choices=("csv", "jsonl"), help="default: by the file's name, else csv")
        parser.add_argument("--list", dest="slug", default="", metavar="SLUG", help="mails of this list alone")
        parser.add_argument("--state", default="", choices=Delivery.Status.values, help="mails in this state alone")
        parser.add_argument("--force", action="store_true", help="write over a file that is there")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write the file whole, or leave none. Raises CommandError."""
        file: Path = options["file"]
        if options["first"] > options["last"]:
            raise CommandError("--from is after --to.")
        if options["slug"]:
            mailing_list_of(options["slug"])
        if file.exists() and not options["force"]:
            raise CommandError(f"{file} is there already; --force writes over it.")
        days = _midnight(options["first"]), _midnight(options["last"] + timedelta(days=1))
        as_json = (options["format"] or ("jsonl" if ".jsonl" in file.suffixes else "csv")) == "jsonl"
        try:
            with _opened(file) as out:
                self._write(out, Wanted(*days, options["slug"], options["state"]), as_json)
        except OSError as error:
            raise CommandError(f"{file} can't be written: {error.strerror or error}") from error

    def _write(self, out: IO[str], wanted: Wanted, as_json: bool) -> None:
        """Progress goes to stderr, each hundred thousand rows."""
        lines = _JsonLines(out) if as_json else _CsvLines(out)
        written = told = 0
        for rows in read_log(wanted):
            lines.write(rows)
            written += len(rows)
            if written - told >= 100_000:
                told = written
                self.stderr.write(f"{written:,} deliveries")
        self.stderr.write(f"{written:,} deliveries, done")


class _CsvLines:
    """With a heading; cells are quoted and safe in a spreadsheet."""

    def __init__(self, out: IO[str]) -> None:
        out.write("\ufeff")
        self._writer = csv.writer(out, quoting=csv.QUOTE_ALL)
        self._writer.writerow(COLUMNS)

    def write(self, rows: list[Row]) -> None:
        self._writer.writerows([cell(row[name]) for name in COLUMNS] for row in rows)


class _JsonLines:
    """An object a line; moments are in UTC."""

    def __init__(self, out: IO[str]) -> None:
        self._out = out

    def write(self, rows: list[Row]) -> None:
        self._out.writelines(json.dumps(row, default=_in_utc, ensure_ascii=False) + "\n" for row in rows)


def _in_utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()


@contextmanager
def _opened(file: Path) -> Iterator[IO[str]]:
    """A file for the owner alone, since addresses are in it; it has its name once it is whole."""
    part = file.with_name(f"{file.name}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with ExitStack() as open_files:
            raw: Any = open_files.enter_context(os.fdopen(descriptor, "wb"))
            if file.suffix == ".gz":
                raw = open_files.enter_context(gzip.GzipFile(filename="", mode="wb", fileobj=raw))
            yield open_files.enter_context(io.TextIOWrapper(raw, encoding="utf-8", newline=""))
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, ZoneInfo(settings.PROJECT_TIME_ZONE))
