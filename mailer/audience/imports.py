"""Reads recipients and items from files, line by line, keeping what is good and naming what is not."""

import csv
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from mailer.models import DigestItem, Recipient, RecipientList, Subscription, normalise_address, validate_time_zone

#: Rows that are written in one transaction.
CHUNK = 1000
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


@dataclass(frozen=True)
class Row:
    """A usable line of a recipients' file."""

    email: str
    name: str
    time_zone: str
    language: str
    attributes: dict[str, str]


def import_recipients(mailing_list: RecipientList, lines: Iterable[str], source: str) -> Iterator[ImportReport]:
    """Put the people in a CSV file (with a heading; comma, semicolon or tab) on the list.

    Yields the one growing report after each chunk of rows. Whoever is known is updated by what the file says; who has
    unsubscribed stays so. A bad line is reported with its number and costs no other line.
    Raises UnreadableFile if there is no heading with an address in it.
    """
    report, seen = ImportReport(), set[str]()
    rows = _read_rows(lines, report)
    while chunk := list(islice(rows, CHUNK)):
        fresh = []
        for row in chunk:
            if row.email in seen:
                report.duplicates += 1
            else:
                seen.add(row.email)
                fresh.append(row)
        with transaction.atomic():
            _store(mailing_list, fresh, report, source)
        yield report
    yield report


def import_items(mailing_list: RecipientList, entries: Iterable[Any]) -> ImportReport:
    """Add digest items from dictionaries; an external_id that the list has already is updated.

    Keys: title, and if there are external_id, summary, url, image_url, category, published_at (ISO 8601; else now).
    """
    report = ImportReport()
    for number, entry in enumerate(entries, start=1):
        try:
            _store_item(mailing_list, entry, report)
        except (ValidationError, ValueError, TypeError, AttributeError) as error:
            report.errors.append((number, "; ".join(getattr(error, "messages", [str(error)]))))
    return report


def read_json(text: str) -> list[Any]:
    """A JSON list. Raises UnreadableFile."""
    try:
        entries = json.loads(text)
    except json.JSONDecodeError as error:
        raise UnreadableFile(f"The file is not JSON: {error}") from error
    if not isinstance(entries, list):
        raise UnreadableFile("The file is JSON, but not a list of items.")
    return entries


def _read_rows(lines: Iterable[str], report: ImportReport) -> Iterator[Row]:
    iterator = iter(lines)
    heading = next(iterator, "")
    delimiter = max(",;\t", key=heading.count)
    columns = next(csv.reader([heading], delimiter=delimiter), [])
    meanings = [_meaning(column) for column in columns]
    if "email" not in meanings:
        raise UnreadableFile(f"The first line names no column for the address: {heading.strip()[:100]!r}")
    reader = csv.reader(iterator, delimiter=delimiter)
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            try:
                yield _read_row(meanings, cells)
            except ValidationError as error:
                report.errors.append((reader.line_num + 1, " ".join(error.messages)))
    except csv.Error as error:
        raise UnreadableFile(f"Line {reader.line_num + 1}: {error}") from error


def _meaning(column: str) -> str:
    plain = column.strip().lstrip("\ufeff").lower()
    squeezed = plain.replace(" ", "").replace("-", "").replace("_", "").replace(".", "")
    return next((name for name, words in COLUMNS.items() if squeezed in words), plain)


def _read_row(meanings: list[str], cells: list[str]) -> Row:
    if len(cells) > len(meanings):
        raise ValidationError(f"{len(cells)} cells where the heading has {len(meanings)}.")
    values = dict(zip(meanings, (cell.replace("\x00", "").strip() for cell in cells), strict=False))
    known = {name: values.pop(name, "") for name in COLUMNS}
    if known["time_zone"]:
        validate_time_zone(known["time_zone"])
    attributes = {name: value for name, value in values.items() if name and value}
    return Row(
        normalise_address(known["email"]), known["name"][:200], known["time_zone"], known["language"][:20], attributes
    )


def _store(mailing_list: RecipientList, rows: list[Row], report: ImportReport, source: str) -> None:
    known = {
        recipient.email: recipient for recipient in Recipient.objects.filter(email__in=[row.email for row in rows])
    }
    created, changed = [], []
    for row in rows:
        recipient = known.get(row.email)
        if recipient is None:
            recipient = known[row.email] = Recipient(email=row.email)
            created.append(recipient)
        elif not _differs(recipient, row):
            continue
        else:
            changed.append(recipient)
        recipient.name, recipient.time_zone, recipient.language = row.name, row.time_zone, row.language
        recipient.attributes = {**recipient.attributes, **row.attributes}
    Recipient.objects.bulk_create(created)
    Recipient.objects.bulk_update(changed, ["name", "time_zone", "language", "attributes"])
    report.new, report.changed = report.new + len(created), report.changed + len(changed)
    report.unchanged += len(rows) - len(created) - len(changed)
    recipients = [known[row.email] for row in rows]
    left = Subscription.objects.filter(list=mailing_list, recipient__in=recipients, status="unsubscribed")
    report.unsubscribed += left.count()
    Subscription.objects.bulk_create(
        [Subscription(list=mailing_list, recipient=recipient, source=source) for recipient in recipients],
        ignore_conflicts=True,
    )


def _differs(recipient: Recipient, row: Row) -> bool:
    same = (recipient.name, recipient.time_zone, recipient.language) == (row.name, row.time_zone, row.language)
    return not same or {**recipient.attributes, **row.attributes} != recipient.attributes


def _store_item(mailing_list: RecipientList, entry: Any, report: ImportReport) -> None:
    published = entry.get("published_at")
    at = datetime.fromisoformat(published) if published else datetime.now(UTC)
    item = DigestItem(
        list=mailing_list,
        title=str(entry.get("title") or "").strip(),
        published_at=at if at.tzinfo else at.replace(tzinfo=UTC),
        external_id=entry.get("external_id") or None,
        **{name: str(entry.get(name) or "") for name in ("summary", "url", "image_url", "category")},
    )
    known = (
        DigestItem.objects.filter(list=mailing_list, external_id=item.external_id).first() if item.external_id else None
    )
    if known is not None:
        item.pk, item.created_at = known.pk, known.created_at
    item.full_clean(exclude=["list"], validate_unique=False, validate_constraints=False)
    item.save()
    report.new, report.changed = report.new + (known is None), report.changed + (known is not None)
