"""A digest's last mailing in a zone is also for those who came into the zone after its time without having had one."""

from datetime import datetime, timedelta

from django.db.models import Case, F, Value, When

from mailer.models import Digest, Mailing
from mailer.scheduling.audience_sql import count_missing, insert_deliveries, insert_items
from mailer.scheduling.mailings import new_mailing
from mailer.scheduling.movers import came_later
from mailer.scheduling.occurrences import due
from mailer.scheduling.schedules import is_in_force

_DAY = timedelta(hours=25)  # the longest, when clocks go back
_Status = Mailing.Status


def catch_up(digest: Digest, schedule: tuple[str, str], since: datetime, now: datetime) -> list[Mailing]:
    """Add who came late to the last mailings of the schedule's zone, if their time was up to `since`.

    A zone that nobody was in at its time has no mailing: it is made now, however late, if somebody waits for it.
    Must be in a transaction that holds the digest. Returns the mailings that have more to send. Raises InvalidSchedule.
    """
    cron, zone = schedule
    moments = [moment for moment in due(cron, zone, now - _DAY, now) if is_in_force(digest, moment)]
    if digest.paused or not moments or moments[-1] > since or moments[-1] < digest.created_at:
        return []
    moment = moments[-1]
    there = Mailing.objects.filter(digest=digest, scheduled_for=moment, time_zone=zone, is_local=True)
    mailings = list(there.select_related("list", "digest"))
    if not mailings:
        return _make_late(digest, moment, zone, now)
    return [mailing for mailing in mailings if _add(mailing, now)]


def _make_late(digest: Digest, moment: datetime, zone: str, now: datetime) -> list[Mailing]:
    mailing = new_mailing(digest, moment, zone)
    mailing.is_local = True
    if not count_missing(mailing, came_later(mailing)):
        return []
    mailing.reason = "for those who moved into the zone after its time"
    mailing.save()
    if not insert_items(mailing, now) and not digest.send_when_empty:
        mailing.status, mailing.finished_at = _Status.SKIPPED, now
        mailing.reason = "nothing new since the last digest"
        mailing.save()
        return []
    return [mailing]  # `begin` makes its deliveries


def _add(mailing: Mailing, now: datetime) -> bool:
    """The deliveries of those who came late; one that is still being planned gets them by itself."""
    nobody_was_there = mailing.status == _Status.SKIPPED and mailing.started_at is not None
    if mailing.has_more or not (nobody_was_there or mailing.status in (_Status.SENDING, _Status.PAUSED, _Status.DONE)):
        return False
    made = insert_deliveries(mailing, only=came_later(mailing))
    if not made:
        return False
    if nobody_was_there and not mailing.mailing_items.exists():
        insert_items(mailing, now)  # they were taken off it when it had nobody
    going_on = Case(When(status=_Status.PAUSED, then=Value(_Status.PAUSED)), default=Value(_Status.SENDING))
    reason = {"reason": ""} if nobody_was_there else {}
    Mailing.objects.filter(pk=mailing.pk).update(
        planned=F("planned") + made, status=going_on, finished_at=None, **reason
    )
    mailing.refresh_from_db()
    return True
