"""Adds digest items from data that other programs wrote."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from mailer.audience.cells import moment_of
from mailer.audience.reading import UnreadableFile
from mailer.models import DigestItem, RecipientList

_TEXTS = ("title", "summary", "url", "image_url", "category")
#: How many are stored in one transaction.
_GROUP = 1_000
#: What an entry raises that is no item.
_UNUSABLE = (ValidationError, ValueError, TypeError, AttributeError, OverflowError)


@dataclass
class ItemReport:
    """What became of the entries."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0  #: there before, with just this, or given again further down
    errors: list[tuple[int, str]] = field(default_factory=list)  #: number of the entry, reason


@dataclass(frozen=True)
class NewItem:
    """An item that is in order; without an external id it is new each time it is given."""

    title: str
    external_id: str | None = None
    summary: str = ""
    url: str = ""
    image_url: str = ""
    category: str = ""
    published_at: datetime | None = None  #: None: now, or as it was
    recipient_id: int | None = None


@dataclass(frozen=True)
class StoredItems:
    """What became of items that were stored together."""

    ids: list[int]  #: in their order
    new: int
    changed: int


def store_items(mailing_list: RecipientList, items: Sequence[NewItem], now: datetime) -> StoredItems:
    """Store all of the items or none; of several with one external id the last one counts.

    Two who bring the same new item at once meet at the unique key; the second finds it there and changes it.
    """
    try:
        return _store(mailing_list, items, now)
    except IntegrityError:
        return _store(mailing_list, items, now)


def import_items(mailing_list: RecipientList, entries: Iterable[Any], now: datetime) -> ItemReport:
    """Add digest items from dictionaries, and change those that the list has by their external_id.

    Keys: title, and if there are external_id, summary, url, image_url, category, published_at (ISO 8601).
    """
    report, items = ItemReport(), []
    for number, entry in enumerate(entries, start=1):
        try:
            items.append(_read(entry))
        except _UNUSABLE as error:
            report.errors.append((number, "; ".join(getattr(error, "messages", [str(error)]))))
    for start in range(0, len(items), _GROUP):
        group = items[start : start + _GROUP]
        stored = store_items(mailing_list, group, now)
        report.new, report.changed = report.new + stored.new, report.changed + stored.changed
        report.unchanged += len(group) - stored.new - stored.changed
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


def is_text(written: str) -> bool:
    """Whether a database can hold it: without NUL, and without half of a surrogate pair."""
    return "\0" not in written and not any("\ud800" <= character <= "\udfff" for character in written)


def _store(mailing_list: RecipientList, items: Sequence[NewItem], now: datetime) -> StoredItems:
    names = [item.external_id for item in items if item.external_id is not None]
    with transaction.atomic():
        same = DigestItem.objects.select_for_update().filter(list=mailing_list, external_id__in=names)
        known = {row.external_id: row for row in same}
        changed, new, rows = {}, [], []
        for item in items:
            row = known.get(item.external_id) if item.external_id is not None else None
            if row is None:
                row = DigestItem(list=mailing_list, external_id=item.external_id, published_at=now)
                new.append(row)
                if item.external_id is not None:
                    known[item.external_id] = row
            if _fill(row, item, now) and row.pk is not None:
                changed[row.pk] = row
            rows.append(row)
        DigestItem.objects.bulk_create(new)
        # Each of them is there and locked: inserted over itself it takes a fourteenth of what `bulk_update` does.
        DigestItem.objects.bulk_create(
            changed.values(),
            update_conflicts=True,
            unique_fields=["id"],
            update_fields=[*_TEXTS, "published_at", "recipient", "changed_at"],
        )
    return StoredItems([row.pk for row in rows], len(new), len(changed))


def _fill(row: DigestItem, item: NewItem, now: datetime) -> bool:
    """Whether the row is another now; one that only came again was not changed."""
    told = {name: getattr(item, name) for name in (*_TEXTS, "recipient_id")}
    told["published_at"] = item.published_at or row.published_at
    if all(getattr(row, name) == value for name, value in told.items()):
        return False
    for name, value in told.items():
        setattr(row, name, value)
    row.changed_at = now
    return True


def _read(entry: Any) -> NewItem:
    """The entry's item. Raises one of _UNUSABLE."""
    published = entry.get("published_at")
    texts = {name: str(entry.get(name) or "") for name in _TEXTS} | {"title": str(entry.get("title") or "").strip()}
    row = DigestItem(external_id=entry.get("external_id") or None, **texts)
    row.full_clean(exclude=["list"], validate_unique=False, validate_constraints=False)
    told = {name: getattr(row, name) for name in (*_TEXTS, "external_id")}
    if not is_text("".join(map(str, told.values()))):
        raise ValueError("It holds what is no text.")
    return NewItem(**told, published_at=moment_of(published) if published else None)
