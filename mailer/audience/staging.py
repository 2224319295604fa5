"""Takes many people in at once: into a temporary table, where they are matched with those who are known."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from mailer.audience.erasure import find_erased
from mailer.audience.layout import StagedRow
from mailer.models import Erasure, Import

#: Rows that go into the database together.
BLOCK = 10_000
#: Addresses that one statement names.
ADDRESSES = 500
_COLUMNS = ("email", "name", "time_zone", "language", "attributes", "membership")


@dataclass(frozen=True)
class _Dialect:
    """What the two databases say differently."""

    types: str  #: of _COLUMNS
    first: str  #: one row of import_read for each address, the first that was read
    order: str  #: by address, so that each index grows at one place after the other; grouping does that by itself
    is_changed: str  #: whether the attributes would be
    merged: str  #: the attributes of a known person with those of the file
    new_id: str  #: of a recipient who is made now, when matching
    recipient_id: str  #: of a row of the stage, when writing


_DIALECTS = {
    # An address in the order of its bytes, as it is in mailer_recipient.
    "postgresql": _Dialect(
        types='email varchar(254) COLLATE "C", name text, time_zone text, language text, attributes jsonb,'
        " membership text",
        first="SELECT DISTINCT ON (email) * FROM import_read ORDER BY email, ctid",
        order=" ORDER BY read.email",
        is_changed="recipient.attributes || read.attributes <> recipient.attributes",
        merged="recipient.attributes || stage.attributes",
        new_id="nextval((SELECT pg_get_serial_sequence('mailer_recipient', 'id'))::regclass)",
        recipient_id="stage.recipient_id",
    ),
    "sqlite": _Dialect(
        types="email text, name text, time_zone text, language text, attributes text, membership text",
        first="SELECT *, MIN(rowid) FROM import_read GROUP BY email",
        order="",
        is_changed="read.attributes NOT IN ('{}', recipient.attributes)"
        " AND merge_attributes(recipient.attributes, read.attributes) <> recipient.attributes",
        merged="merge_attributes(recipient.attributes, stage.attributes)",
        # Numbered when they are written: nobody else writes meanwhile.
        new_id="NULL",
        recipient_id="COALESCE(stage.recipient_id, stage.rowid + %(highest)s)",
    ),
}
_MATCH = """CREATE TEMPORARY TABLE import_stage AS
SELECT read.email, read.name, read.time_zone, read.language, read.attributes, read.membership,
  COALESCE(recipient.id, {new_id}) AS recipient_id, recipient.id IS NULL AS is_new,
  recipient.id IS NOT NULL AND (read.name NOT IN ('', recipient.name)
    OR read.time_zone NOT IN ('', recipient.time_zone) OR read.language NOT IN ('', recipient.language)
    OR {is_changed}) AS is_changed,
  subscription.status AS status, suppression.id IS NOT NULL AS is_suppressed
FROM ({first}) AS read
LEFT JOIN mailer_recipient AS recipient ON recipient.email = read.email
LEFT JOIN mailer_subscription AS subscription
  ON subscription.recipient_id = recipient.id AND subscription.list_id = %(list)s
LEFT JOIN mailer_suppression AS suppression
  ON suppression.email = read.email AND (suppression.expires_at IS NULL OR suppression.expires_at > %(now)s){order}"""
_COUNT = """SELECT COUNT(*), COUNT(CASE WHEN is_new THEN 1 END), COUNT(CASE WHEN is_changed THEN 1 END),
  COUNT(CASE WHEN status = 'unsubscribed' THEN 1 END), COUNT(CASE WHEN status IS NULL THEN 1 END),
  COUNT(CASE WHEN is_suppressed THEN 1 END) FROM import_stage"""


@dataclass(frozen=True)
class Matched:
    """What the people in the file are to us."""

    new: int
    changed: int
    unchanged: int
    duplicates: int  #: in the file
    unsubscribed: int  #: from the list, and still so
    joining: int  #: who are not on the list yet
    suppressed: int


class Staging:
    """The temporary tables of one import, gone at the end of the `with`."""

    def __init__(self, imported: Import) -> None:
        """For its list."""
        self._imported = imported
        self._waiting: list[StagedRow] = []
        self._added = 0
        self.come_back: dict[str, Erasure] = {}  #: addresses of people who were erased before the file came

    def __enter__(self) -> "Staging":
        """Make the table that is filled."""
        self._drop()
        execute(f"CREATE TEMPORARY TABLE import_read ({dialect().types})")
        if connection.vendor == "sqlite":
            connection.connection.create_function("merge_attributes", 2, _merge_attributes, deterministic=True)
        return self

    def __exit__(self, *exception: object) -> None:
        """Drop the tables, unless the connection is broken and has dropped them itself."""
        if connection.is_usable():
            self._drop()

    def add(self, rows: Iterable[StagedRow]) -> None:
        """Take rows in; nobody else sees them yet."""
        self._waiting += rows
        if len(self._waiting) >= BLOCK:
            self._flush()

    def match(self, now: datetime) -> Matched:
        """Find those who are known and those who are on the list, in the table import_stage."""
        self._flush()
        here = dialect()
        parts = {"new_id": here.new_id, "is_changed": here.is_changed, "first": here.first, "order": here.order}
        execute(_MATCH.format(**parts), {"list": self._imported.list_id, "now": database_time(now)})
        execute("DROP TABLE import_read")
        left_out = self._sort_out_erased()
        staged, new, changed, unsubscribed, joining, suppressed = fetch(_COUNT)
        duplicates = self._added - staged - left_out
        return Matched(new, changed, staged - new - changed, duplicates, unsubscribed, joining, suppressed)

    def _sort_out_erased(self) -> int:
        """Suppress who was erased and is brought back; who was erased since the file came is not. Returns how many."""
        erased = find_erased(_new_addresses())
        since = {email for email, erasure in erased.items() if erasure.erased_at >= self._imported.created_at}
        self.come_back = {email: erasure for email, erasure in erased.items() if email not in since}
        _for_each("DELETE FROM import_stage WHERE email IN ({})", list(since))
        _for_each("UPDATE import_stage SET is_suppressed = true WHERE email IN ({})", list(self.come_back))
        return len(since)

    def _flush(self) -> None:
        rows, self._waiting = self._waiting, []
        self._added += len(rows)
        if connection.vendor == "postgresql":
            _copy(rows)
        else:
            _insert(rows)

    def _drop(self) -> None:
        execute("DROP TABLE IF EXISTS import_read")
        execute("DROP TABLE IF EXISTS import_stage")


def dialect() -> _Dialect:
    """Of the database that is used."""
    return _DIALECTS[connection.vendor]


def execute(statement: str, values: Mapping[str, Any] | None = None) -> int:
    """Returns how many rows it touched."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return int(cursor.rowcount)


def fetch(statement: str, values: Mapping[str, Any] | None = None) -> Any:
    """The one row of the answer."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchone()


def fetch_all(statement: str, values: Mapping[str, Any] | None = None) -> list[Any]:
    """The rows of the answer."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())


def database_time(moment: datetime) -> Any:
    """A moment as the database takes it."""
    return connection.ops.adapt_datetimefield_value(moment)


def _new_addresses() -> Iterator[str]:
    with connection.chunked_cursor() as cursor:
        cursor.execute("SELECT email FROM import_stage WHERE is_new")
        for row in cursor:
            yield row[0]


def _for_each(statement: str, emails: list[str]) -> None:
    """With some hundred addresses at a time; each statement reads the whole table."""
    with connection.cursor() as cursor:
        for first in range(0, len(emails), ADDRESSES):
            part = emails[first : first + ADDRESSES]
            cursor.execute(statement.format(", ".join(["%s"] * len(part))), part)


def _insert(rows: list[StagedRow]) -> None:
    with connection.cursor() as cursor:
        # Else each row is a transaction. Not atomic(): that would take the lock which others need to write.
        cursor.execute("SAVEPOINT import_rows")
        cursor.executemany("INSERT INTO import_read VALUES (%s, %s, %s, %s, %s, %s)", rows)
        cursor.execute("RELEASE import_rows")


def _copy(rows: list[StagedRow]) -> None:
    with connection.cursor() as cursor, cursor.copy("COPY import_read FROM STDIN") as copy:
        copy.write(_as_copy_text(rows))


def _as_copy_text(rows: list[StagedRow]) -> str:
    """PostgreSQL's text format. Hardly any row has a tab or a line break in it, and one look at them all shows that."""
    text = "\n".join(map("\t".join, rows))
    tabs, breaks = len(rows) * (len(_COLUMNS) - 1), len(rows) - 1
    if "\r" in text or text.count("\t") != tabs or text.count("\n") != breaks:
        return "\n".join("\t".join(cell.translate(_COPY_ESCAPES) for cell in row) for row in rows)
    return text.replace("\\", "\\\\")


_COPY_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def _merge_attributes(old: str | None, new: str) -> str | None:
    """The old text itself where the new one changes nothing; None for somebody new."""
    if old is None:
        return None
    known = json.loads(old)
    merged = json.dumps({**known, **json.loads(new)})
    return old if merged == json.dumps(known) else merged
