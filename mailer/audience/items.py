"""Adds digest items from data that other programs wrote."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import ValidationError

from mailer.audience.reading import UnreadableFile
from mailer.models import DigestItem, RecipientList


@dataclass
class ItemReport:
    """What became of the entries."""

    new: int = 0
    changed: int = 0
    errors: list[tuple[int, str]] = field(default_factory=list)  #: number of the entry, reason


def import_items(mailing_list: RecipientList, entries: Iterable[Any]) -> ItemReport:
    """Add digest items from dictionaries; an external_id that the list has already is updated.

    Keys: title, and if there are external_id, summary, url, image_url, category, published_at (ISO 8601; else now).
    """
    report = ItemReport()
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


def _store_item(mailing_list: RecipientList, entry: Any, report: ItemReport) -> None:
    published = entry.get("published_at")
    at = datetime.fromisoformat(published) if published else datetime.now(UTC)
    item = DigestItem(
        list=mailing_list,
        title=str(entry.get("title") or "").strip(),
        published_at=at if at.tzinfo else at.replace(tzinfo=UTC),
        external_id=entry.get("external_id") or None,
        **{name: str(entry.get(name) or "") for name in ("summary", "url", "image_url", "category")},
    )
    same = DigestItem.objects.filter(list=mailing_list, external_id=item.external_id)
    known = same.first() if item.external_id else None
    if known is not None:
        item.pk, item.created_at = known.pk, known.created_at
    item.full_clean(exclude=["list"], validate_unique=False, validate_constraints=False)
    item.save()
    report.new, report.changed = report.new + (known is None), report.changed + (known is not None)
