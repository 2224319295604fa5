"""Writes many recipients at once: into a staging table, and from there in a few statements to where they belong."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from mailer.models import RecipientList

#: Address, name, time zone, language, attributes as JSON.
StagedRow = tuple[str, str, str, str, str]

_COLUMNS = (
    """(email varchar(254), name varchar(200), time_zone varchar(64), language varchar(20), attributes text{more})"""
)
_READ = f"CREATE TEMPORARY TABLE import_read {_COLUMNS.format(more=', number bigserial')}"
_STAGE = f"CREATE TEMPORARY TABLE import_stage {_COLUMNS.format(more=', PRIMARY KEY (email)')}"
# Of two rows with one address the first counts. Sorted, they go into each index at its end.
_DISTINCT = """INSERT INTO import_stage
SELECT DISTINCT ON (email) email, name, time_zone, language, attributes FROM import_read ORDER BY email, number"""
_JSON = {
    "postgresql": {
        "new": "stage.attributes::jsonb",
        "old": "recipient.attributes",
        "merged": "recipient.attributes || stage.attributes::jsonb",
    },
    "sqlite": {
        "new": "stage.attributes",
        "old": "json_patch(recipient.attributes, '{}')",
        "merged": "json_patch(recipient.attributes, stage.attributes)",
    },
}
_KNOWN = """SELECT COUNT(*) FROM import_stage AS stage
  JOIN mailer_recipient AS recipient ON recipient.email = stage.email"""
# An empty cell says nothing: it wipes out nothing that is known.
_UPDATE = """UPDATE mailer_recipient AS recipient
SET name = COALESCE(NULLIF(stage.name, ''), recipient.name),
  time_zone = COALESCE(NULLIF(stage.time_zone, ''), recipient.time_zone),
  language = COALESCE(NULLIF(stage.language, ''), recipient.language), attributes = {merged}
FROM import_stage AS stage
WHERE recipient.email = stage.email AND (stage.name NOT IN ('', recipient.name)
  OR stage.time_zone NOT IN ('', recipient.time_zone) OR stage.language NOT IN ('', recipient.language)
  OR {merged} <> {old})"""
_INSERT = """INSERT INTO mailer_recipient (email, name, time_zone, language, attributes, created_at)
SELECT stage.email, stage.name, stage.time_zone, stage.language, {new}, %(now)s FROM import_stage AS stage
WHERE true ON CONFLICT (email) DO NOTHING"""
_SUBSCRIBE = """INSERT INTO mailer_subscription (list_id, recipient_id, status, cadence, source, subscribed_at)
SELECT %(list)s, recipient.id, 'active', 'daily', %(source)s, %(now)s
FROM import_stage AS stage JOIN mailer_recipient AS recipient ON recipient.email = stage.email
WHERE true ON CONFLICT DO NOTHING"""
_LEFT = """SELECT COUNT(*) FROM import_stage AS stage
  JOIN mailer_recipient AS recipient ON recipient.email = stage.email
  JOIN mailer_subscription AS subscription ON subscription.recipient_id = recipient.id
WHERE subscription.list_id = %(list)s AND subscription.status = 'unsubscribed'"""


@dataclass(frozen=True)
class Written:
    """What became of the rows."""

    new: int
    changed: int
    unchanged: int
    duplicates: int
    unsubscribed: int


class Staging:
    """The temporary tables of one import, gone at the end of the `with`."""

    def __init__(self, mailing_list: RecipientList, source: str) -> None:
        """For this list; `source` is kept with each new subscription."""
        self._list, self._source = mailing_list, source[:100]
        self._on_postgresql = connection.vendor == "postgresql"
        self._added = 0

    def __enter__(self) -> "Staging":
        """Make the tables."""
        _execute(_STAGE)
        if self._on_postgresql:
            _execute(_READ)
        return self

    def __exit__(self, *exception: object) -> None:
        """Drop the tables, unless the connection is broken and has dropped them itself."""
        if connection.is_usable():
            _execute("DROP TABLE import_stage")
            if self._on_postgresql:
                _execute("DROP TABLE import_read")

    def add(self, rows: Sequence[StagedRow]) -> None:
        """Take rows in; nobody else sees them yet."""
        self._added += len(rows)
        with connection.cursor() as cursor:
            if self._on_postgresql:
                with cursor.copy("COPY import_read (email, name, time_zone, language, attributes) FROM STDIN") as copy:
                    for row in rows:
                        copy.write_row(row)
            else:
                cursor.executemany("INSERT OR IGNORE INTO import_stage VALUES (%s, %s, %s, %s, %s)", rows)

    def write(self) -> Written:
        """Add or update these people and subscribe them, in one transaction. Who has unsubscribed stays so."""
        json = _JSON[connection.vendor]
        now = connection.ops.adapt_datetimefield_value(timezone.now())
        on_list = {"list": self._list.pk}
        with transaction.atomic():
            if self._on_postgresql:
                _execute(_DISTINCT)
                _execute("ANALYZE import_stage")
            staged, known = _count("SELECT COUNT(*) FROM import_stage"), _count(_KNOWN)
            changed = _execute(_UPDATE.format(**json))
            _execute(_INSERT.format(**json), {"now": now})
            _execute(_SUBSCRIBE, on_list | {"source": self._source, "now": now})
            left = _count(_LEFT, on_list)
        return Written(staged - known, changed, known - changed, self._added - staged, left)


def _execute(statement: str, values: Mapping[str, Any] | None = None) -> int:
    """Returns how many rows it touched."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return int(cursor.rowcount)


def _count(statement: str, values: Mapping[str, Any] | None = None) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return int(cursor.fetchone()[0])
