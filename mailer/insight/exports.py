"""Lists as CSV: streamed in steps by a key, safe against formulas, and those of people ready to be imported again."""

import csv
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db.models import Model, QuerySet

from mailer.audience.cells import sheltered
from mailer.audience.layout import MEMBERSHIP
from mailer.models import Delivery, Recipient, Subscription, Suppression

#: Rows that are read by one statement.
STEP = 5_000
_PERSON = ("email", "name", "time_zone", "language", "attributes")


@dataclass(frozen=True)
class Export:
    """What is written of each row of a list."""

    columns: dict[str, str]  #: heading → the field, as a query names it
    complete: Callable[[list[dict[str, Any]]], None] | None = None  #: adds what a join would cost rows for


def _name_recipients(rows: list[dict[str, Any]]) -> None:
    """A delivery's recipient may be erased, and a join would leave the delivery out."""
    people = Recipient.objects.filter(pk__in={row["recipient_id"] for row in rows})
    addresses = dict(people.order_by().values_list("pk", "email"))
    for row in rows:
        row["recipient_id"] = addresses.get(row["recipient_id"], "erased recipient")


EXPORTS: dict[type[Model], Export] = {
    Recipient: Export({field: field for field in _PERSON}),
    Subscription: Export(
        {field: f"recipient__{field}" for field in _PERSON}
        | {field: field for field in MEMBERSHIP}
        | {"list": "list__slug"}
    ),
    Suppression: Export({name: name for name in ("email", "reason", "note", "created_at", "expires_at")}),
    Delivery: Export(
        {"delivery": "id", "recipient": "recipient_id", "mailing": "mailing_id"}
        | {name: name for name in ("status", "reason", "attempts", "sent_at", "smtp_code", "smtp_text")},
        _name_recipients,
    ),
}


def stream_csv(rows: QuerySet[Any], key: str = "pk") -> Iterator[str]:
    """The rows as lines of CSV, in the order of the unique `key`, block by block; cells are quoted, moments are UTC."""
    fields = set(EXPORTS[rows.model].columns.values())
    yield from _lines(EXPORTS[rows.model], _steps(rows, key, fields))


def stream_deliveries(pages: Iterable[list[int]]) -> Iterator[str]:
    """The same of the deliveries with these ids, in their order, a page at a time."""
    yield from _lines(EXPORTS[Delivery], map(_deliveries, pages))


def _lines(export: Export, steps: Iterable[list[dict[str, Any]]]) -> Iterator[str]:
    writer = csv.writer(_Line(), quoting=csv.QUOTE_ALL)
    yield "\ufeff" + writer.writerow(export.columns)
    for step in steps:
        if export.complete:
            export.complete(step)
        yield "".join([writer.writerow([cell(row[field]) for field in export.columns.values()]) for row in step])


def _deliveries(ids: list[int]) -> list[dict[str, Any]]:
    found = Delivery.objects.filter(pk__in=ids).order_by().values(*EXPORTS[Delivery].columns.values())
    by_id = {row["id"]: row for row in found}
    return [by_id[pk] for pk in ids if pk in by_id]


def _steps(rows: QuerySet[Any], key: str, fields: set[str]) -> Iterator[list[dict[str, Any]]]:
    """By the last key seen, never by an offset: the millionth row costs what the first does."""
    ordered = rows.select_related(None).prefetch_related(None).order_by(key)
    last: Any = None
    while True:
        rest = ordered if last is None else ordered.filter(**{f"{key}__gt": last})
        step = list(rest.values(key, *fields)[:STEP])
        if not step:
            return
        last = step[-1][key]
        yield step


def cell(value: Any) -> str:
    """The value as a cell's text: moments in UTC, objects as JSON, and nothing that a spreadsheet would run."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False) if value else ""
    return sheltered(str(value))


class _Line:
    """A file that gives what is written to it back."""

    def write(self, line: str) -> str:
        return line
