"""Reads recipients from files, line by line, keeping what is good and naming what is not."""

from collections.abc import Iterable, Iterator
from csv import reader
from dataclasses import dataclass, field

from django.db import transaction
from django.utils import timezone

from mailer.audience.layout import Layout, guess_meaning
from mailer.audience.reading import UnreadableFile, read_rows
from mailer.audience.staging import BLOCK, Staging
from mailer.audience.writing import write_staged
from mailer.models import RecipientList


@dataclass
class ImportReport:
    """What became of a file's rows."""

    read: int = 0  #: usable lines so far
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    duplicates: int = 0
    unsubscribed: int = 0
    errors: list[tuple[int, str]] = field(default_factory=list)  #: line number, reason

    def __str__(self) -> str:
        counts = (
            f"{self.new} new, {self.changed} changed, {self.unchanged} unchanged, {self.duplicates} twice in the file"
        )
        return f"{counts}, {self.unsubscribed} unsubscribed before and left so, {len(self.errors)} not usable"


def import_recipients(mailing_list: RecipientList, lines: Iterable[str], source: str) -> Iterator[ImportReport]:
    """Put the people in a CSV file (with a heading; comma, semicolon or tab) on the list.

    Yields the one report, with the lines `read` so far, after each BLOCK, and at last with what became of them: they
    are written together, when all are read. Whoever is known is updated by what the file says; who has unsubscribed
    stays so.
    A bad line is reported with its number and costs no other line. Raises UnreadableFile if there is no heading with an
    address in it, or a line that is no CSV; then nothing is written.
    """
    report = ImportReport()
    iterator = iter(lines)
    heading = next(iterator, "")
    delimiter = max(",;\t", key=heading.count)
    layout = _layout_of(heading, delimiter)

    def complain(number: int, reason: str) -> None:
        report.errors.append((number, reason))

    with Staging(mailing_list) as staging:
        for rows in read_rows(iterator, delimiter, layout, complain):
            staging.add(rows)
            report.read += len(rows)
            if report.read % BLOCK < len(rows):
                yield report
        with transaction.atomic():
            matched = staging.match()
            write_staged(mailing_list, source, timezone.now())
    report.new, report.changed, report.unchanged = matched.new, matched.changed, matched.unchanged
    report.duplicates, report.unsubscribed = matched.duplicates, matched.unsubscribed
    yield report


def _layout_of(heading: str, delimiter: str) -> Layout:
    meanings = [guess_meaning(column) for column in next(reader([heading], delimiter=delimiter), [])]
    if "email" not in meanings:
        raise UnreadableFile(f"The first line names no column for the address: {heading.strip()[:100]!r}")
    return Layout(meanings)
