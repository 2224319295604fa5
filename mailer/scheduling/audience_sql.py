"""Who and what goes into a mailing, each as one statement inside the database, whatever the size of the list."""

from datetime import datetime

from django.db import connection

from mailer.models import Mailing

_DELIVERIES = """
INSERT INTO mailer_delivery (mailing_id, recipient_id)
SELECT %(mailing)s, subscription.recipient_id
FROM mailer_subscription AS subscription{join}
WHERE subscription.list_id = %(list)s AND subscription.status = 'active'{zone}
ORDER BY subscription.recipient_id{limit}
ON CONFLICT DO NOTHING
"""
_JOIN = " JOIN mailer_recipient AS recipient ON recipient.id = subscription.recipient_id"
_IN_ZONE = " AND COALESCE(NULLIF(recipient.time_zone, ''), %(list_zone)s) = %(zone)s"

_ITEMS = """
INSERT INTO mailer_mailingitem (mailing_id, item_id, recipient_id, position)
SELECT %(mailing)s, item.id, item.recipient_id, ROW_NUMBER() OVER (ORDER BY item.published_at DESC, item.id DESC)
FROM mailer_digestitem AS item
WHERE item.list_id = %(list)s AND item.published_at <= %(until)s AND NOT item.is_hidden
  AND NOT EXISTS (
    SELECT 1 FROM mailer_mailingitem AS earlier JOIN mailer_mailing AS mailing ON mailing.id = earlier.mailing_id
    WHERE earlier.item_id = item.id AND mailing.digest_id = %(digest)s{elsewhere})
"""
# A mailing for one zone has not shown its items to the people of another.
_ELSEWHERE = " AND (mailing.time_zone = %(zone)s OR NOT mailing.is_local)"


def insert_deliveries(mailing: Mailing, at_most: int | None = None) -> int:
    """A queued delivery for everybody who is actively on the mailing's list (and in its time zone, where that counts).

    Suppressed addresses are planned too: that nothing went to them, and why, belongs in the log. Returns how many are
    new; those that there are already stay as they are.
    """
    if mailing.list is None:
        return 0
    local = mailing.is_local
    limit = f" LIMIT {at_most:d}" if at_most else ""
    statement = _DELIVERIES.format(join=_JOIN if local else "", zone=_IN_ZONE if local else "", limit=limit)
    values: dict[str, int | str] = {"mailing": mailing.pk, "list": mailing.list.pk}
    if local:
        values |= {"list_zone": mailing.list.time_zone, "zone": mailing.time_zone}
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return int(cursor.rowcount)


def insert_items(mailing: Mailing, until: datetime) -> int:
    """Pin to the mailing what was published up to `until` and not yet sent by its digest. Returns how many items."""
    if mailing.digest is None or mailing.list is None:
        return 0
    values = {
        "mailing": mailing.pk,
        "list": mailing.list.pk,
        "until": connection.ops.adapt_datetimefield_value(until),
        "digest": mailing.digest.pk,
    }
    if mailing.is_local:
        values["zone"] = mailing.time_zone
    with connection.cursor() as cursor:
        cursor.execute(_ITEMS.format(elsewhere=_ELSEWHERE if mailing.is_local else ""), values)
        return int(cursor.rowcount)
