"""The items of a mailing as templates see them: those for everybody, and those that are one recipient's own."""

from collections import defaultdict
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection

from mailer.audience.repeats import NOTHING
from mailer.models import Mailing
from mailer.models.literals import listed
from mailer.templating.budget import LONGEST_OWN
from mailer.templating.contexts import ITEM_TEXTS, item_context

Item = dict[str, Any]

# An item that was given to somebody else since it was planned is in nobody's mail.
_ITEMS = """
SELECT entry.recipient_id, item.id, {texts}, {published_at}
FROM mailer_mailingitem AS entry JOIN mailer_digestitem AS item ON item.id = entry.item_id
WHERE entry.mailing_id = %s AND entry.recipient_id {whose} AND item.recipient_id {same}
ORDER BY entry.recipient_id, entry.position
"""
# Where a template's steps are not counted, the texts are known not to be long.
_TEXTS = ", ".join(
    f"SUBSTR(item.summary, 1, {LONGEST_OWN})" if name == "summary" else f"item.{name}" for name in ITEM_TEXTS
)
_ARE_THERE_OWN = """
SELECT EXISTS (SELECT 1 FROM mailer_mailingitem WHERE mailing_id = %s AND recipient_id IS NOT NULL)
"""


class Items:
    """What a mailing pins, read in groups and as plain rows."""

    def __init__(self, mailing: Mailing) -> None:
        """Read what is for everybody, and whether there is more."""
        self._mailing_id = mailing.pk
        # Python knows at a glance that a time is in UTC already; for a ZoneInfo of that name it would convert.
        self._zone = UTC if mailing.time_zone == "UTC" else ZoneInfo(mailing.time_zone)
        self._own: dict[int, list[tuple[int, Item]]] = {}
        self._shared: dict[frozenset[int], list[Item]] = {}
        has_items = mailing.digest_id is not None
        self._everybodys = self._read("IS NULL", "IS NULL").get(None, []) if has_items else []
        self.has_own = has_items and self._are_there_own()

    def look_up(self, people: Collection[int]) -> None:
        """Read, in one query, what is for each of these recipients alone."""
        if self.has_own and people:
            self._own = self._read(f"IN ({listed(people)})", "= entry.recipient_id")

    def own(self, person: int, had: frozenset[int] = NOTHING) -> list[Item]:
        """The recipient's own items, in their order, but those of these ids; nothing for whom was not looked up."""
        return [item for pk, item in self._own.get(person, ()) if pk not in had]

    def shared(self, had: frozenset[int] = NOTHING) -> list[Item]:
        """What is for everybody, but the items of these ids; the same list for the same ids."""
        found = self._shared.get(had)
        if found is None:
            found = self._shared[had] = [item for pk, item in self._everybodys if pk not in had]
        return found

    def _are_there_own(self) -> bool:
        with connection.cursor() as cursor:
            cursor.execute(_ARE_THERE_OWN, [self._mailing_id])
            return bool(cursor.fetchone()[0])

    def _read(self, whose: str, same: str) -> dict[Any, list[tuple[int, Item]]]:
        published_at = "item.published_at || '+00:00'" if connection.vendor == "sqlite" else "item.published_at"
        statement = _ITEMS.format(texts=_TEXTS, published_at=published_at, whose=whose, same=same)
        with connection.cursor() as cursor:
            cursor.execute(statement, [self._mailing_id])
            rows = cursor.fetchall()
        found: defaultdict[Any, list[tuple[int, Item]]] = defaultdict(list)
        zone, read = self._zone, datetime.fromisoformat
        for recipient, pk, *texts, published in rows:
            at = read(published) if type(published) is str else published
            found[recipient].append((pk, item_context(texts, at, zone)))
        return found
