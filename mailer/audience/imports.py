"""Reads recipients from files, line by line, keeping what is good and naming what is not."""

import csv
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice

from django.core.exceptions import ValidationError

from mailer.audience.staging import StagedRow, Staging
from mailer.models import RecipientList, normalise_address, validate_time_zone

#: Rows that are read, checked and staged at a time.
CHUNK = 10_000
#: The headings that are understood, in lower case without spaces, dots and dashes.
COLUMNS = {
    "email": {"email", "emailaddress", "mail", "address"},
    "name": {"name", "fullname"},
    "time_zone": {"timezone", "tz", "zone"},
    "language": {"language", "lang", "locale"},
}


class UnreadableFile(ValueError):
    """The file as a whole can't be imported; the message says why."""


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

    Yields the one report, with the lines `read` so far, after each CHUNK, and at last with what became of them: they
    are written together, when all are read. Whoever is known is updated by what the file says; who has unsubscribed
    stays so.
    A bad line is reported with its number and costs no other line. Raises UnreadableFile if there is no heading with an
    address in it, or a line that is no CSV; then nothing is written.
    """
    report = ImportReport()
    rows = _read_rows(lines, report)
    with Staging(mailing_list, source) as staging:
        while chunk := list(islice(rows, CHUNK)):
            staging.add(chunk)
            report.read += len(chunk)
            yield report
        written = staging.write()
    report.new, report.changed, report.unchanged = written.new, written.changed, written.unchanged
    report.duplicates, report.unsubscribed = written.duplicates, written.unsubscribed
    yield report


def _read_rows(lines: Iterable[str], report: ImportReport) -> Iterator[StagedRow]:
    iterator = iter(lines)
    heading = next(iterator, "")
    delimiter = max(",;\t", key=heading.count)
    columns = next(csv.reader([heading], delimiter=delimiter), [])
    meanings = [_meaning(column) for column in columns]
    if "email" not in meanings:
        raise UnreadableFile(f"The first line names no column for the address: {heading.strip()[:100]!r}")
    reader = csv.reader(iterator, delimiter=delimiter)
    layout = _Layout(meanings)
    try:
        for cells in reader:
            try:
                if any(cells):
                    yield layout.read(cells)
            except ValidationError as error:
                if any(cell.strip() for cell in cells):
                    report.errors.append((reader.line_num + 1, " ".join(error.messages)))
    except csv.Error as error:
        raise UnreadableFile(f"Line {reader.line_num + 1}: {error}") from error


def _meaning(column: str) -> str:
    plain = column.strip().lstrip("\ufeff").lower()
    squeezed = plain.replace(" ", "").replace("-", "").replace("_", "").replace(".", "")
    return next((name for name, words in COLUMNS.items() if squeezed in words), plain)


class _Layout:
    """Which column of a file means what."""

    def __init__(self, meanings: list[str]) -> None:
        self._width = len(meanings)
        self._at = {name: meanings.index(name) for name in COLUMNS if name in meanings}
        taken = set(self._at.values())
        self._extra = [(index, name) for index, name in enumerate(meanings) if index not in taken and name]

    def read(self, cells: list[str]) -> StagedRow:
        """A usable line. Raises ValidationError, with the reason."""
        if len(cells) > self._width:
            raise ValidationError(f"{len(cells)} cells where the heading has {self._width}.")
        cells += [""] * (self._width - len(cells))
        address = normalise_address(cells[self._at["email"]])
        zone = self._cell(cells, "time_zone")
        if zone:
            _check_zone(zone)
        attributes = {name: _clean(cells[index]) for index, name in self._extra if cells[index].strip()}
        return (
            address,
            self._cell(cells, "name")[:200],
            zone,
            self._cell(cells, "language")[:20],
            json.dumps(attributes) if attributes else "{}",
        )

    def _cell(self, cells: list[str], name: str) -> str:
        index = self._at.get(name)
        return "" if index is None else _clean(cells[index])


def _clean(cell: str) -> str:
    return cell.replace("\x00", "").strip()


@lru_cache(maxsize=1024)
def _check_zone(name: str) -> None:
    validate_time_zone(name)
