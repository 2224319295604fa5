"""Writes those who are staged and matched to where they belong, in a few statements, and notes what undoing needs."""

from datetime import datetime
from typing import Any

from django.db import connection

from mailer.audience.layout import MEMBERSHIP
from mailer.audience.staging import database_time, dialect, execute, fetch, fetch_all
from mailer.models import Import, RecipientList

#: The first and the last of ids that follow each other without a gap.
Run = tuple[int, int]

# An empty cell says nothing: it wipes out nothing that is known.
_UPDATE = """UPDATE mailer_recipient AS recipient
SET name = COALESCE(NULLIF(stage.name, ''), recipient.name),
  time_zone = COALESCE(NULLIF(stage.time_zone, ''), recipient.time_zone),
  language = COALESCE(NULLIF(stage.language, ''), recipient.language), attributes = {merged}, changed_at = %(now)s
FROM import_stage AS stage WHERE recipient.id = stage.recipient_id AND stage.is_changed"""
_REMEMBER = """INSERT INTO mailer_importchange
  (of_id, recipient_id, name, time_zone, language, attributes, is_resubscribed, unsubscribed_at, source)
SELECT %(import)s, recipient.id, recipient.name, recipient.time_zone, recipient.language, recipient.attributes,
  {returns}, subscription.unsubscribed_at, COALESCE(subscription.source, '')
FROM import_stage AS stage JOIN mailer_recipient AS recipient ON recipient.id = stage.recipient_id
LEFT JOIN mailer_subscription AS subscription
  ON subscription.recipient_id = recipient.id AND subscription.list_id = %(list)s
WHERE stage.is_changed OR {returns}{lock}"""
# Who has left comes back only if the admin says so, and not whom the file itself calls unsubscribed.
_RETURNS = "(%(resubscribe)s AND COALESCE(stage.status, '') = 'unsubscribed' AND {told} <> 'unsubscribed')"
# What only the row said of how they left is kept, because the row forgets it.
_KEEP_HOW_THEY_LEFT = """INSERT INTO mailer_consentevent (recipient_id, list_id, what, detail, at, source, by_id)
SELECT subscription.recipient_id, subscription.list_id, 'unsubscribed', '',
  COALESCE(subscription.unsubscribed_at, subscription.subscribed_at), subscription.source, subscription.changed_by_id
FROM import_stage AS stage JOIN mailer_subscription AS subscription
  ON subscription.recipient_id = stage.recipient_id AND subscription.list_id = %(list)s
WHERE {returns} AND NOT EXISTS (
  SELECT 1 FROM mailer_consentevent AS event
  WHERE event.recipient_id = subscription.recipient_id AND event.list_id = subscription.list_id
    AND event.what = 'unsubscribed' AND event.at >= subscription.subscribed_at)"""
_NOTE_RETURN = """INSERT INTO mailer_consentevent (recipient_id, list_id, what, detail, at, source, by_id)
SELECT stage.recipient_id, %(list)s, 'resubscribed', '', %(now)s, %(source)s, %(user)s
FROM import_stage AS stage WHERE {returns}"""
_RESUBSCRIBE = """UPDATE mailer_subscription AS subscription
SET status = 'active', unsubscribed_at = NULL, source = %(source)s, changed_by_id = %(user)s
FROM import_stage AS stage
WHERE subscription.list_id = %(list)s AND subscription.recipient_id = stage.recipient_id AND {returns}"""
_MAKE = """INSERT INTO mailer_recipient (id, email, name, time_zone, language, attributes, created_at)
SELECT {recipient_id}, email, name, time_zone, language, attributes, %(now)s FROM import_stage AS stage WHERE is_new
ON CONFLICT (email) DO NOTHING"""
# An id that was there once is not used again.
_HIGHEST = "SELECT COALESCE(MAX(seq), 0) FROM sqlite_sequence WHERE name = 'mailer_recipient'"
# Somebody may have come in by another door since they were matched.
_OVERTAKEN = """UPDATE import_stage AS stage SET recipient_id = recipient.id, is_new = false
FROM mailer_recipient AS recipient
WHERE stage.is_new AND recipient.email = stage.email AND recipient.id <> stage.recipient_id"""
_SUBSCRIBE = """INSERT INTO mailer_subscription (list_id, recipient_id, {fields})
SELECT %(list)s, {recipient_id}, {values} FROM import_stage AS stage{known}
WHERE {which} ON CONFLICT DO NOTHING"""
# The lock is what a foreign key would take: nobody deletes them before this is committed.
_KNOWN = " JOIN mailer_recipient AS recipient ON recipient.id = stage.recipient_id"
_LOCK = " FOR {strength} OF recipient"
# Ids that follow each other less their place in the row are the same number.
_RUNS = """SELECT MIN(id), MAX(id) FROM
  (SELECT id, id - ROW_NUMBER() OVER (ORDER BY id) AS island FROM ({ids}) AS made) AS numbered
GROUP BY island ORDER BY 1"""
_SPAN = "SELECT COUNT(*), MIN(id), MAX(id) FROM ({ids}) AS made"
_NEW_PEOPLE = "SELECT {recipient_id} AS id FROM import_stage AS stage WHERE is_new"
_NEW_SUBSCRIPTIONS = "SELECT id FROM mailer_subscription WHERE id > %(before)s"
_AND_RUNS = "WITH made_now AS ({insert} RETURNING id) {runs}"
#: What is not said of a new subscription.
_DEFAULTS = {"status": "'active'", "cadence": "'daily'", "source": "%(source)s", "subscribed_at": "%(now)s"}


def write_staged(imported: Import, layout_meanings: list[str], source: str, now: datetime) -> dict[str, list[Run]]:
    """Add or update the people in import_stage and subscribe them, in the transaction in which they were matched.

    `source` is kept with each new subscription. Returns the runs of ids of the `recipients` and `subscriptions` that
    were made.
    """
    RecipientList.objects.select_for_update(no_key=True).get(pk=imported.list_id)
    told = [field for field in MEMBERSHIP if field in layout_meanings]
    values = _values(imported, source, now)
    returns = _RETURNS.format(told=told_of("status") if "status" in told else "''")
    execute(_REMEMBER.format(returns=returns, lock=_lock("NO KEY UPDATE")), values)
    execute(_UPDATE.format(merged=dialect().merged), values)
    if imported.resubscribe:
        for statement in (_KEEP_HOW_THEY_LEFT, _NOTE_RETURN, _RESUBSCRIBE):
            execute(statement.format(returns=returns), values)
    here = dialect().recipient_id
    before = _highest_subscription()
    expected = fetch("SELECT COUNT(*) FROM import_stage WHERE is_new")[0]
    if execute(_MAKE.format(recipient_id=here), values) != expected:
        execute(_OVERTAKEN)
    people = _runs_of(_NEW_PEOPLE.format(recipient_id=here), values)
    runs = _subscribe(told, values, {"which": "stage.is_new", "known": ""}, before)
    known = {"which": f"NOT stage.is_new AND stage.status IS NULL{_lock('KEY SHARE')}", "known": _KNOWN}
    return {"recipients": people, "subscriptions": [*runs, *_subscribe(told, values, known, _highest_subscription())]}


def _subscribe(told: list[str], values: dict[str, Any], which: dict[str, str], before: int) -> list[Run]:
    """Returns the runs of ids that were made; `before` is the highest id until now."""
    fields = [field for field in MEMBERSHIP if field in told or field in _DEFAULTS]
    expressions = [
        told_of(field, _DEFAULTS.get(field, "NULL")) if field in told else _DEFAULTS[field] for field in fields
    ]
    statement = _SUBSCRIBE.format(
        fields=", ".join(fields), values=", ".join(expressions), recipient_id=dialect().recipient_id, **which
    )
    if connection.vendor == "sqlite":  # nobody else writes meanwhile
        execute(statement, values)
        return _runs_of(_NEW_SUBSCRIPTIONS, {"before": before})
    runs = _RUNS.format(ids="SELECT id FROM made_now")
    return fetch_all(_AND_RUNS.format(insert=statement, runs=runs), values)


def _runs_of(ids: str, values: dict[str, Any]) -> list[Run]:
    """The runs of the ids that the query gives, no two alike."""
    made, first, last = fetch(_SPAN.format(ids=ids), values)
    if made and made == last - first + 1:  # as nearly always; numbering them takes several times as long
        return [(first, last)]
    return fetch_all(_RUNS.format(ids=ids), values)


def told_of(field: str, otherwise: str = "''") -> str:
    """What the file says of the subscription."""
    if connection.vendor == "sqlite":
        return f"COALESCE(json_extract(NULLIF(stage.membership, ''), '$.{field}'), {otherwise})"
    value = f"(NULLIF(stage.membership, '')::jsonb ->> '{field}')"
    if field.endswith(("_at", "_until")):
        value = f"{value}::timestamp AT TIME ZONE 'UTC'"
    return f"COALESCE({value}, {otherwise})"


def _values(imported: Import, source: str, now: datetime) -> dict[str, Any]:
    return {
        "import": imported.pk,
        "list": imported.list_id,
        "user": imported.created_by_id,
        "resubscribe": imported.resubscribe,
        "source": source[:100],
        "now": database_time(now),
        "highest": fetch(_HIGHEST)[0] if connection.vendor == "sqlite" else 0,
    }


def _lock(strength: str) -> str:
    return _LOCK.format(strength=strength) if connection.vendor == "postgresql" else ""


def _highest_subscription() -> int:
    return int(fetch("SELECT COALESCE(MAX(id), 0) FROM mailer_subscription")[0]) if connection.vendor == "sqlite" else 0
