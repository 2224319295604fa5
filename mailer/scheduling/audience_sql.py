"""Who and what goes into a mailing, each as one statement inside the database, whatever the size of the list."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Max

from mailer.audience.segments import NOT_WEEKLY, Where, where_of
from mailer.models import ConsentEvent, Mailing, Subscription
from mailer.models.literals import Literal, listed
from mailer.scheduling.movers import not_had_elsewhere

_WHO = """
FROM mailer_subscription AS subscription{join}
WHERE subscription.list_id = %(list)s AND subscription.status = 'active'{zone}{chosen}{missing}
"""
# What is there already is left out in the way that costs less: PostgreSQL takes more than twice as long for a statement
# with ON CONFLICT; SQLite a third longer for one without, because it must be able to take it back.
# They are made in the order of the recipients, so only who came meanwhile and has a lower id needs a look.
_MISSING = {
    "postgresql": """
  AND (subscription.recipient_id > %(highest)s OR NOT EXISTS (
    SELECT 1 FROM mailer_delivery AS made
    WHERE made.mailing_id = %(mailing)s AND made.recipient_id = subscription.recipient_id))""",
    "sqlite": "",
}
_ON_CONFLICT = {"postgresql": "", "sqlite": "ON CONFLICT DO NOTHING"}
_JOIN = " JOIN mailer_recipient AS recipient ON recipient.id = subscription.recipient_id"
_IN_ZONE = " AND COALESCE(NULLIF(recipient.time_zone, ''), %(list_zone)s) = %(zone)s"
# Deliveries, not subscriptions: whoever joins or leaves a list while an announcement is planned still gets it once.
_NOT_BEFORE = """ AND NOT EXISTS (
  SELECT 1 FROM mailer_delivery AS earlier
  WHERE earlier.recipient_id = subscription.recipient_id AND earlier.mailing_id IN ({ids}))"""
# Who has a pause from this list gets it through a later one.
_NOT_PAUSED_HERE = """ AND NOT (COALESCE(subscription.paused_until > %(at)s, false) AND EXISTS (
  SELECT 1 FROM mailer_subscription AS later
  WHERE later.recipient_id = subscription.recipient_id AND later.status = 'active' AND later.list_id IN ({ids})
    AND (later.paused_until IS NULL OR later.paused_until <= %(at)s)))"""

# Who no longer wants it weekly has not had what came between the last weekly mail and that day; the mails since then
# brought the rest, which is left out of this one.
_WEEKLY = """
  AND (subscription.cadence = 'weekly' OR subscription.recipient_id IN (
    SELECT event.recipient_id FROM mailer_consentevent AS event
    WHERE event.list_id = %(list)s AND event.what = 'cadence' AND event.at > %(since)s))"""

_ITEMS = """
INSERT INTO mailer_mailingitem (mailing_id, item_id, recipient_id, position)
SELECT %(mailing)s, item.id, item.recipient_id,
  ROW_NUMBER() OVER (ORDER BY item.position ASC NULLS LAST, item.published_at DESC, item.id DESC)
FROM mailer_digestitem AS item
WHERE item.list_id = %(list)s AND item.published_at <= %(until)s AND NOT item.is_hidden{of_the_week}
  AND NOT EXISTS (
    SELECT 1 FROM mailer_mailingitem AS earlier JOIN mailer_mailing AS mailing ON mailing.id = earlier.mailing_id
    WHERE earlier.item_id = item.id AND mailing.digest_id = %(digest)s{elsewhere}{weekly})
"""
_OF_THE_WEEK = """
  AND item.id IN (
    SELECT entry.item_id
    FROM mailer_mailingitem AS entry JOIN mailer_mailing AS mailing ON mailing.id = entry.mailing_id
    WHERE mailing.digest_id = %(digest)s AND mailing.scheduled_for > %(since)s{elsewhere} AND NOT mailing.is_weekly)
"""
# A mailing for one zone has not shown its items to the people of another.
_ELSEWHERE = " AND (mailing.time_zone = %(zone)s OR NOT mailing.is_local)"


# Whole seconds, the first at the mailing's time and none at the end.
_AT_ITS_SECOND = {
    "postgresql": """%(begins)s::timestamptz + INTERVAL '1 second'
    * ((ROW_NUMBER() OVER (ORDER BY subscription.recipient_id) - 1) * %(seconds)s / COUNT(*) OVER ())""",
    "sqlite": """strftime('%%Y-%%m-%%d %%H:%%M:%%S', %(begins)s, '+' ||
    ((ROW_NUMBER() OVER (ORDER BY subscription.recipient_id) - 1) * %(seconds)s / COUNT(*) OVER ()) || ' seconds')""",
}


def insert_deliveries(mailing: Mailing, at_most: int | None = None, only: Where | None = None) -> int:
    """A queued delivery for everybody who is actively on the mailing's list (and in its time zone, where that counts).

    Of an announcement: whom its segment chooses, and nobody whom an earlier mailing of it has. Of a local digest:
    nobody who had it for the same local date in another zone. `only` leaves out others. Suppressed addresses are
    planned too: that nothing went to them, and why, belongs in the log. Returns how many are new; those that there are
    already stay as they are. Raises IntegrityError if another makes the same at this moment.
    """
    if mailing.list is None:
        return 0
    made = "INSERT INTO mailer_delivery (mailing_id, recipient_id)\nSELECT %(mailing)s, subscription.recipient_id"
    limit = f" LIMIT {at_most:d}" if at_most else ""
    end = f"ORDER BY subscription.recipient_id{limit}\n{_ON_CONFLICT[connection.vendor]}"
    with connection.cursor() as cursor:
        _ask(cursor, mailing, (made, end), only or Where())
        return int(cursor.rowcount)


def insert_spread_deliveries(mailing: Mailing, until: datetime) -> int:
    """The same, all at once, each due at its own second from the mailing's time up to `until`. Returns how many."""
    due = _AT_ITS_SECOND[connection.vendor]
    made = f"""INSERT INTO mailer_delivery (mailing_id, recipient_id, next_attempt_at)
SELECT %(mailing)s, subscription.recipient_id, {due}"""
    seconds = max(int((until - mailing.scheduled_for).total_seconds()), 1)
    begins = connection.ops.adapt_datetimefield_value(mailing.scheduled_for.replace(microsecond=0))
    end = f"ORDER BY subscription.recipient_id\n{_ON_CONFLICT[connection.vendor]}"
    with connection.cursor() as cursor:
        _ask(cursor, mailing, (made, end), Where("", {"begins": begins, "seconds": seconds}))
        return int(cursor.rowcount)


def count_missing(mailing: Mailing, only: Where) -> int:
    """How many deliveries a mailing that is not saved yet would have, of those whom `only` leaves."""
    with connection.cursor() as cursor:
        _ask(cursor, mailing, ("SELECT COUNT(*)", ""), only)
        return int(cursor.fetchone()[0])


def insert_items(mailing: Mailing, until: datetime) -> int:
    """Pin to the mailing what was published up to `until` and not yet sent by its digest. Returns how many items.

    To a weekly one: what the digest's other mailings hold since the last weekly one.
    """
    if mailing.digest is None or mailing.list is None:
        return 0
    values = {
        "mailing": mailing.pk,
        "list": mailing.list.pk,
        "until": connection.ops.adapt_datetimefield_value(until),
        "digest": mailing.digest.pk,
    }
    elsewhere = _ELSEWHERE if mailing.is_local else ""
    if mailing.is_local:
        values["zone"] = mailing.time_zone
    if mailing.is_weekly:
        values["since"] = connection.ops.adapt_datetimefield_value(last_weekly(mailing))
    statement = _ITEMS.format(
        elsewhere=elsewhere,
        of_the_week=_OF_THE_WEEK.format(elsewhere=elsewhere) if mailing.is_weekly else "",
        weekly=" AND mailing.is_weekly" if mailing.is_weekly else "",
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return int(cursor.rowcount)


def wants_weekly(mailing: Mailing) -> bool:
    """Whether a weekly mailing of this digest at this time would be for anybody."""
    on_list = Subscription.objects.active().filter(list=mailing.list)
    changed = ConsentEvent.objects.filter(
        list=mailing.list, what=Literal(ConsentEvent.What.CADENCE.value), at__gt=last_weekly(mailing)
    )
    return on_list.weekly().exists() or on_list.filter(recipient__in=changed.values("recipient")).exists()


def last_weekly(mailing: Mailing) -> datetime:
    """The time of the digest's weekly mailing before this mailing's, in its zone; a week earlier if there was none."""
    earlier = Mailing.objects.filter(digest=mailing.digest, is_weekly=True, scheduled_for__lt=mailing.scheduled_for)
    earlier = earlier.exclude(status__in=[Mailing.Status.SKIPPED, Mailing.Status.MISSED])
    if mailing.is_local:
        earlier = earlier.filter(time_zone=mailing.time_zone)
    last = earlier.aggregate(last=Max("scheduled_for"))["last"]
    return last or mailing.scheduled_for - timedelta(days=7)


def _ask(cursor: Any, mailing: Mailing, around: tuple[str, str], only: Where) -> None:
    """Run the statement that begins and ends so, about those whom the mailing is for and who are not in it yet."""
    local, list_id = mailing.is_local, mailing.list_id
    chosen = _chosen(mailing) + _how_often(mailing)
    if local:
        chosen += not_had_elsewhere(mailing)
    chosen += only
    who = _WHO.format(
        join=_JOIN if local or chosen.sql else "",
        zone=_IN_ZONE if local else "",
        chosen=chosen.sql,
        missing=_MISSING[connection.vendor] if mailing.pk else "",
    )
    highest = mailing.deliveries.aggregate(highest=Max("recipient_id"))["highest"] or 0 if mailing.pk else 0
    values: dict[str, Any] = {"mailing": mailing.pk, "list": list_id, "highest": highest} | chosen.values
    if local and mailing.list is not None:
        values |= {"list_zone": mailing.list.time_zone, "zone": mailing.time_zone}
    if connection.vendor == "postgresql":
        # The look at those with lower ids seems to it as if it were to be at all, and worth compiling for.
        cursor.execute("SET LOCAL jit = off")
    cursor.execute(around[0] + who + around[1], values)


def _how_often(mailing: Mailing) -> Where:
    """Of a digest: those who want it each time, or of a weekly mailing the others; an announcement is for all."""
    if mailing.digest_id is None:
        return Where()
    if not mailing.is_weekly:
        return Where(NOT_WEEKLY)
    return Where(_WEEKLY, {"since": connection.ops.adapt_datetimefield_value(last_weekly(mailing))})


def _chosen(mailing: Mailing) -> Where:
    """Which of the list's people an announcement is for; all of them for any other mailing."""
    announcement = mailing.announcement
    if announcement is None:
        return Where()
    segment = announcement.segment
    if segment is not None:
        # As of its time, not of now: both parts of a long list are planned by the same days.
        return where_of(segment.conditions.all(), segment.list, mailing.scheduled_for)
    others = list(Mailing.objects.filter(announcement=announcement).order_by("pk").values_list("pk", "list_id"))
    before = [pk for pk, _ in others if pk < mailing.pk]
    after = [list_id for pk, list_id in others if pk > mailing.pk]
    at = {"at": connection.ops.adapt_datetimefield_value(mailing.scheduled_for)} if after else {}
    return Where(_among(_NOT_BEFORE, before) + _among(_NOT_PAUSED_HERE, after), at)


def _among(sql: str, ids: Iterable[int | None]) -> str:
    named = listed(pk for pk in ids if pk is not None)
    return sql.format(ids=named) if named else ""
