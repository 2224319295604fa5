"""Undoes an import: takes away whom it made and gives back what it changed, unless more happened with them since.

The file is read again: whoever still is as the file says is as the import left them.
"""

import csv
from typing import Any

from django.db import transaction
from django.db.models import ForeignObjectRel, Q
from django.utils import timezone

from mailer.audience.cells import sheltered
from mailer.audience.imports import Lease, reader_of
from mailer.audience.layout import MEMBERSHIP, Layout
from mailer.audience.staging import Staging, database_time, dialect, execute, fetch, fetch_all
from mailer.audience.writing import Run, told_of
from mailer.models import Delivery, Import, Mailing, Recipient, Subscription
from mailer.models.literals import listed

# Of everybody whom the import made or put on the list: what is to go, and why they stay, if they do.
_LOOK = """CREATE TEMPORARY TABLE import_undo AS
SELECT stage.email, recipient.id AS recipient_id, {made_person} AS is_made, subscription.id AS subscription_id,
  CASE WHEN {mailed} THEN 'has been sent mail since'
    WHEN subscription.id IS NOT NULL AND ({membership}) THEN 'the subscription was changed since'
    WHEN {made_person} AND (recipient.name <> stage.name OR recipient.time_zone <> stage.time_zone
      OR recipient.language <> stage.language OR recipient.attributes <> stage.attributes)
      THEN 'was changed since'
    WHEN {made_person} AND ({needed}) THEN 'is named elsewhere: by a list, an item or a mailing'
  END AS reason
FROM import_stage AS stage
JOIN mailer_recipient AS recipient ON recipient.id = stage.recipient_id
LEFT JOIN mailer_subscription AS subscription ON subscription.recipient_id = recipient.id
  AND subscription.list_id = %(list)s AND {made_subscription}
WHERE NOT stage.is_new AND ({made_person} OR subscription.id IS NOT NULL)"""
_UNSUBSCRIBE = """DELETE FROM mailer_subscription
WHERE id IN (SELECT subscription_id FROM import_undo WHERE reason IS NULL)"""
_FORGET = """DELETE FROM mailer_recipient
WHERE id IN (SELECT recipient_id FROM import_undo WHERE reason IS NULL AND is_made)"""
_RESTORE = """UPDATE mailer_recipient AS recipient SET name = change.name, time_zone = change.time_zone,
  language = change.language, attributes = change.attributes, changed_at = %(now)s
FROM mailer_importchange AS change, import_stage AS stage
WHERE change.of_id = %(import)s AND recipient.id = change.recipient_id AND stage.recipient_id = recipient.id
  AND recipient.name = COALESCE(NULLIF(stage.name, ''), change.name)
  AND recipient.time_zone = COALESCE(NULLIF(stage.time_zone, ''), change.time_zone)
  AND recipient.language = COALESCE(NULLIF(stage.language, ''), change.language)
  AND recipient.attributes = {merged}"""
_NOTE_LEAVING = """INSERT INTO mailer_consentevent (recipient_id, list_id, what, detail, at, source, by_id)
SELECT subscription.recipient_id, subscription.list_id, 'unsubscribed', '', %(now)s, %(source)s, NULL
FROM mailer_importchange AS change JOIN mailer_subscription AS subscription
  ON subscription.recipient_id = change.recipient_id AND subscription.list_id = %(list)s
WHERE change.of_id = %(import)s AND change.is_resubscribed AND subscription.status = 'active'"""
_LEAVE_AGAIN = """UPDATE mailer_subscription AS subscription
SET status = 'unsubscribed', unsubscribed_at = change.unsubscribed_at, source = change.source
FROM mailer_importchange AS change
WHERE change.of_id = %(import)s AND change.is_resubscribed AND subscription.list_id = %(list)s
  AND subscription.recipient_id = change.recipient_id AND subscription.status = 'active'"""
_KEPT = "SELECT email, reason FROM import_undo WHERE reason IS NOT NULL ORDER BY email"
_CHANGES = "SELECT COUNT(*) FROM mailer_importchange WHERE of_id = %(import)s"
#: What a subscription is like that nobody has touched, where the file does not say otherwise.
_UNTOUCHED = {"status": "'active'", "cadence": "'daily'"}


def undo_import(lease: Lease) -> None:
    """Undo it, all in one transaction; who stays is named in a file. Raises LostImport and UnreadableFile."""
    imported = lease.imported
    with Staging(imported) as staging:
        reader = reader_of(imported)
        for rows in reader.read(Layout(imported.meanings), lambda number, reason, row: None):
            staging.add(rows)
            lease.tell(reader.bytes_read)
        lease.begin_writing()
        with transaction.atomic():
            staging.match(timezone.now())
            counts = _undo(imported)
            _name_kept(imported)
            lease.end(Import.State.UNDONE, counts={**imported.counts, **counts}, tries=0)
            execute("DROP TABLE import_undo")


def _undo(imported: Import) -> dict[str, int]:
    values = {"import": imported.pk, "list": imported.list_id, "now": database_time(timezone.now())}
    execute("DROP TABLE IF EXISTS import_undo")
    execute(_LOOK.format(**_conditions(imported)), values)
    left = execute(_UNSUBSCRIBE)
    forgotten = execute(_FORGET)
    changed = fetch(_CHANGES, values)[0]
    restored = execute(_RESTORE.format(merged=dialect().merged.replace("recipient.", "change.")), values)
    source = f"the undoing of import {imported.pk}"
    execute(_NOTE_LEAVING, {**values, "source": source, "now": database_time(timezone.now())})
    execute(_LEAVE_AGAIN, values)
    kept = fetch("SELECT COUNT(*) FROM import_undo WHERE reason IS NOT NULL")[0]
    return {
        "undone_subscriptions": left,
        "undone_recipients": forgotten,
        "undone_changes": restored,
        "kept": kept,
        "kept_changes": changed - restored,
    }


def _conditions(imported: Import) -> dict[str, str]:
    made = imported.made
    return {
        "made_person": _within("recipient.id", made.get("recipients", [])),
        "made_subscription": _within("subscription.id", made.get("subscriptions", [])),
        "mailed": _mailed(imported),
        "membership": _membership_changed(imported.meanings),
        "needed": " OR ".join(_references()),
    }


def _within(column: str, runs: list[Run]) -> str:
    return f"({' OR '.join(f'{column} BETWEEN {first:d} AND {last:d}' for first, last in runs) or 'false'})"


def _mailed(imported: Import) -> str:
    """Deliveries have no index on the recipient; the mailings since then are named, and the unique key finds them."""
    unfinished = Q(finished_at=None) | Q(finished_at__gte=imported.started_at)
    since = Mailing.objects.filter(unfinished, list=imported.list_id)
    named = listed(since.order_by().values_list("pk", flat=True))
    table = Delivery._meta.db_table
    return (
        f"EXISTS (SELECT 1 FROM {table} AS delivery WHERE delivery.mailing_id IN ({named})"  # noqa: S608 - ids and names of ours
        " AND delivery.recipient_id = recipient.id)"
        if named
        else "false"
    )


def _membership_changed(meanings: list[str]) -> str:
    """Whether the subscription is otherwise than the import made it."""
    told = [field for field in MEMBERSHIP if field in meanings]
    expected = {field: told_of(field, usual) if field in told else usual for field, usual in _UNTOUCHED.items()}
    parts = [f"subscription.{field} <> {value}" for field, value in expected.items()]
    return " OR ".join([*parts, "subscription.changed_by_id IS NOT NULL"])


def _references() -> list[str]:
    """Whether anything else names the person; a log, whose key has no constraint, may go on naming them."""
    conditions = []
    for relation in Recipient._meta.get_fields(include_hidden=True):
        if not isinstance(relation, ForeignObjectRel):
            continue
        model: Any = relation.related_model
        is_subscription, key = model is Subscription, relation.field
        if not is_subscription and not getattr(key, "db_constraint", False):
            continue
        elsewhere = " AND (subscription.id IS NULL OR other.id <> subscription.id)" if is_subscription else ""
        table, column = model._meta.db_table, relation.field.column
        conditions.append(
            f"EXISTS (SELECT 1 FROM {table} AS other WHERE other.{column} = recipient.id{elsewhere})"  # noqa: S608
        )
    return conditions


def _name_kept(imported: Import) -> None:
    with imported.kept_people.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        writer.writerow(["email", "why they stay"])
        writer.writerows(map(sheltered, row) for row in fetch_all(_KEPT))
