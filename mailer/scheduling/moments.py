"""Whether a digest's time has come since it was last looked at, and on whose clocks."""

from datetime import datetime, timedelta

from django.db.models import Max

from mailer.models import Digest, Subscription
from mailer.scheduling.occurrences import due
from mailer.scheduling.schedules import is_in_force, rule_of

#: How far back a service that was down looks for what it missed.
LOOK_BACK = timedelta(days=31)


def looked_at_until(digest: Digest, now: datetime) -> datetime:
    """From when on its occurrences are still to be planned.

    Never later than now, or a clock that once ran ahead would silence the digest until then.
    """
    return max(min(digest.checked_through or digest.created_at, now), now - LOOK_BACK)


def has_fallen_due(digest: Digest, now: datetime) -> bool:
    """Whether an occurrence is to be planned that can still be sent. Raises InvalidSchedule."""
    schedule = rule_of(digest)
    if schedule is None or digest.paused:
        return False
    cron, zone = schedule
    still_sent = now - timedelta(hours=digest.catch_up_hours, microseconds=1)
    since = max(looked_at_until(digest, now), still_sent)
    zones = zones_in_use(digest) if digest.in_recipients_zone else {zone: None}
    return any(is_in_force(digest, moment) for zone in zones for moment in due(cron, zone, since, now))


def zones_in_use(digest: Digest) -> dict[str, datetime | None]:
    """The zones of those on the list, each with the last time at which anybody in it was changed."""
    people = Subscription.objects.active().filter(list=digest.list).order_by().values_list("recipient__time_zone")
    found: dict[str, datetime | None] = {}
    for name, changed in people.annotate(changed=Max("recipient__changed_at")):
        zone = name or digest.list.time_zone
        found[zone] = max(filter(None, (found.get(zone), changed)), default=None)
    return found
