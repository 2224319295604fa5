"""Writes those who are staged and matched to where they belong, in a few statements."""

from datetime import datetime

from django.db import connection

from mailer.audience.staging import database_time, dialect, execute, fetch
from mailer.models import RecipientList

# An empty cell says nothing: it wipes out nothing that is known.
_UPDATE = """UPDATE mailer_recipient AS recipient
SET name = COALESCE(NULLIF(stage.name, ''), recipient.name),
  time_zone = COALESCE(NULLIF(stage.time_zone, ''), recipient.time_zone),
  language = COALESCE(NULLIF(stage.language, ''), recipient.language), attributes = {merged}
FROM import_stage AS stage WHERE recipient.id = stage.recipient_id AND stage.is_changed"""
_MAKE = """INSERT INTO mailer_recipient (id, email, name, time_zone, language, attributes, created_at)
SELECT {recipient_id}, email, name, time_zone, language, attributes, %(now)s FROM import_stage AS stage WHERE is_new
ON CONFLICT (email) DO NOTHING"""
# An id that was there once is not used again.
_HIGHEST = "SELECT COALESCE(MAX(seq), 0) FROM sqlite_sequence WHERE name = 'mailer_recipient'"
# Somebody may have come in by another door since they were matched.
_OVERTAKEN = """UPDATE import_stage AS stage SET recipient_id = recipient.id, is_new = false
FROM mailer_recipient AS recipient
WHERE stage.is_new AND recipient.email = stage.email AND recipient.id <> stage.recipient_id"""
_SUBSCRIBE = """INSERT INTO mailer_subscription (list_id, recipient_id, status, cadence, source, subscribed_at)
SELECT %(list)s, {recipient_id}, 'active', 'daily', %(source)s, %(now)s FROM import_stage AS stage"""
_SUBSCRIBE_NEW = f"{_SUBSCRIBE} WHERE stage.is_new ON CONFLICT DO NOTHING"
# The lock is what a foreign key would take: nobody deletes them before this is committed.
_SUBSCRIBE_KNOWN = f"""{_SUBSCRIBE} JOIN mailer_recipient AS recipient ON recipient.id = stage.recipient_id
WHERE NOT stage.is_new AND stage.status IS NULL {{lock}} ON CONFLICT DO NOTHING"""


def write_staged(mailing_list: RecipientList, source: str, now: datetime) -> None:
    """Add or update the people in import_stage and subscribe them; who has unsubscribed stays so.

    In the transaction in which they were matched. `source` is kept with each new subscription.
    """
    RecipientList.objects.select_for_update(no_key=True).get(pk=mailing_list.pk)
    values = {"list": mailing_list.pk, "source": source[:100], "now": database_time(now)}
    here, lock = dialect(), "FOR KEY SHARE OF recipient"
    if connection.vendor == "sqlite":
        lock, values["highest"] = "", fetch(_HIGHEST)[0]
    execute(_UPDATE.format(merged=here.merged))
    expected = fetch("SELECT COUNT(*) FROM import_stage WHERE is_new")[0]
    if execute(_MAKE.format(recipient_id=here.recipient_id), values) != expected:
        execute(_OVERTAKEN)
    execute(_SUBSCRIBE_NEW.format(recipient_id=here.recipient_id), values)
    execute(_SUBSCRIBE_KNOWN.format(recipient_id=here.recipient_id, lock=lock), values)
