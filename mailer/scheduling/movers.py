"""People who move to another time zone: of a digest that goes by their clocks they get one for each local date."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import connection

from mailer.audience.segments import Where
from mailer.models import Digest, Mailing, RecipientList
from mailer.models.literals import listed

#: A change may be seen so long after its own time: an import writes the time at which it began.
SEEN_LATE = timedelta(minutes=15)
#: A date is no further than this from the same date anywhere else: zones lie between -12 and +14 h.
_DATE_LASTS = timedelta(hours=27)

_TOUCHED = "(COALESCE(recipient.changed_at > %(touched_after)s, false){list_moved})"
_LIST_MOVED = " OR recipient.time_zone = ''"
_NOT_HAD = """ AND NOT ({touched} AND EXISTS (
  SELECT 1 FROM mailer_delivery AS had
  WHERE had.recipient_id = subscription.recipient_id AND had.mailing_id IN ({ids})))"""
_CAME_LATER = " AND {touched} AND COALESCE(subscription.confirmed_at, subscribed_at) <= %(moment)s"


def not_had_elsewhere(mailing: Mailing) -> Where:
    """Leaves out whom the digest's mailing for the same local date in another zone has.

    Only whose row, or whose list, was changed since the first of those mailings can have moved; nobody else is looked
    up, so that planning a million people who stay where they are costs nothing.
    """
    others = _same_local_time(mailing)
    if mailing.list is None or not others:
        return Where()
    after = min(others.values()) - SEEN_LATE
    sql = _NOT_HAD.format(touched=_touched(mailing.list, after), ids=listed(others))
    return Where(sql, {"touched_after": connection.ops.adapt_datetimefield_value(after)})


def came_later(mailing: Mailing) -> Where:
    """Those who may have come into the mailing's zone after its time, and were on its list by then."""
    if mailing.list is None:
        return Where()
    after = mailing.scheduled_for - SEEN_LATE
    adapt = connection.ops.adapt_datetimefield_value
    values = {"touched_after": adapt(after), "moment": adapt(mailing.scheduled_for)}
    others = _same_local_time(mailing)
    if others:  # both conditions ask by one time, the earlier of the two
        values["touched_after"] = adapt(min(after, min(others.values()) - SEEN_LATE))
    return Where(_CAME_LATER.format(touched=_touched(mailing.list, after)), values)


def zones_moved_into(digest: Digest, zones: dict[str, datetime | None], since: datetime) -> list[str]:
    """Of the zones in use, with the last change to anybody in them, those that somebody may have come into lately."""
    home, after = digest.list, since - SEEN_LATE
    list_changed = home.changed_at is not None and home.changed_at > after
    return [
        zone
        for zone, changed in zones.items()
        if (changed is not None and changed > after) or (list_changed and zone == home.time_zone)
    ]


def _same_local_time(mailing: Mailing) -> dict[int, datetime]:
    """The digest's mailings in other zones at the same time of the same local date, with their moments."""
    moment = mailing.scheduled_for
    near = Mailing.objects.filter(
        digest=mailing.digest_id,
        is_weekly=mailing.is_weekly,
        scheduled_for__gt=moment - _DATE_LASTS,
        scheduled_for__lt=moment + _DATE_LASTS,
    ).exclude(time_zone=mailing.time_zone)
    wanted = _on_the_clock(moment, mailing.time_zone)
    rows = near.order_by().values_list("pk", "scheduled_for", "time_zone")
    return {pk: other for pk, other, zone in rows if _on_the_clock(other, zone) == wanted}


def _on_the_clock(moment: datetime, zone: str) -> datetime:
    return moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None)


def _touched(home: RecipientList, after: datetime) -> str:
    list_moved = home.changed_at is not None and home.changed_at > after
    return _TOUCHED.format(list_moved=_LIST_MOVED if list_moved else "")
