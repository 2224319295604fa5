"""From an occurrence that is due to a mailing with one delivery a recipient, made once however often it is asked."""

import logging
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, Q

from mailer.models import Digest, Mailing, Subscription, TemplateVersion
from mailer.scheduling.audience_sql import insert_deliveries, insert_items
from mailer.scheduling.occurrences import InvalidSchedule, due
from mailer.scheduling.schedules import crontab_of, is_in_force

logger = logging.getLogger(__name__)

#: Sooner than this after its time, a digest does not say that it is late.
PUNCTUAL = timedelta(minutes=10)
#: How many deliveries are made before the first is sent.
FIRST_PART = 10_000
#: How far back a service that was down looks for what it missed.
LOOK_BACK = timedelta(days=31)


class NothingToSend(Exception):
    """A mailing that was asked for has nobody or nothing to send; the message says which."""


def plan_due(now: datetime) -> list[Mailing]:
    """Plan what has fallen due for every digest. Returns the mailings that have mails to send.

    A digest that can't be planned is logged, and does not stop the others.
    """
    planned = []
    for pk in Digest.objects.exclude(periodic_task=None).values_list("pk", flat=True):
        try:
            planned += plan_digest(pk, now)
        except (InvalidSchedule, TemplateVersion.DoesNotExist) as error:
            logger.error("Digest %s can't be planned: %s", pk, error)
    # What a planner that died had begun, and what waited for an earlier mailing of its announcement.
    begun = Mailing.objects.filter(status=Mailing.Status.PLANNED, scheduled_for__lte=now).order_by("pk")
    return planned + [mailing for mailing in begun if begin(mailing, now)]


def plan_digest(digest_id: int, now: datetime) -> list[Mailing]:
    """Plan the digest's occurrences since it was last looked at, each as sent, skipped or missed, and each once.

    Returns the mailings that have mails to send. Raises InvalidSchedule for a crontab that can't be read.
    """
    with transaction.atomic():
        # The lock makes two ticks at once do the work one after the other; the unique key would stop them anyway.
        digest = Digest.objects.select_for_update(of=("self",)).get(pk=digest_id)
        schedule = crontab_of(digest)
        if schedule is None:
            return []
        cron, zone = schedule
        # Never later than now, or a clock that once ran ahead would silence the digest until then.
        since = max(min(digest.checked_through or digest.created_at, now), now - LOOK_BACK)
        mailings = [
            _plan_occurrence(digest, moment, zone_in_use, now)
            for zone_in_use in (_zones_in_use(digest) if digest.in_recipients_zone else [zone])
            for moment in due(cron, zone_in_use, since, now)
            if is_in_force(digest, moment)
        ]
        digest.checked_through = now
        digest.save(update_fields=["checked_through"])
    return [mailing for mailing in mailings if mailing is not None and begin(mailing, now)]


def plan_now(digest: Digest, now: datetime, created_by: Any = None, key: str | None = None) -> Mailing:
    """Plan the digest at once, outside its schedule, as a mailing of its own; the same key gives the same mailing.

    Raises NothingToSend.
    """
    with transaction.atomic():
        # Who asks twice at once, or while a tick plans, waits here; or the same items would go out twice.
        digest = Digest.objects.select_for_update(of=("self",)).get(pk=digest.pk)
        if key is not None and (earlier := Mailing.objects.filter(key=key).first()):
            return earlier
        schedule = crontab_of(digest)
        mailing = _new_mailing(digest, now, schedule[1] if schedule else digest.list.time_zone)
        mailing.key, mailing.created_by = key, created_by
        mailing.save()
        if not insert_items(mailing, now) and not digest.send_when_empty:
            raise NothingToSend(f"{digest} has nothing new to send.")
    begin(mailing, now)
    mailing.refresh_from_db()  # a tick may have begun it in between
    if not mailing.planned:
        raise NothingToSend(f"{digest} has nobody to send to: no active subscription on {digest.list}.")
    return mailing


def begin(mailing: Mailing, now: datetime) -> bool:
    """Make the first of the mailing's deliveries and let it go. Returns whether it has any.

    What is beyond FIRST_PART is made by `complete`, so that on a list of a million the first mail leaves at once.
    Safe to do again when a planner died half-way.
    """
    with transaction.atomic():
        locked = Mailing.objects.select_for_update(of=("self",)).get(pk=mailing.pk)
        if locked.status != Mailing.Status.PLANNED or _waits_its_turn(locked):
            return False
        locked.planned = insert_deliveries(locked, FIRST_PART)
        locked.has_more = locked.planned == FIRST_PART
        locked.started_at, locked.status = now, Mailing.Status.SENDING
        if not locked.planned:
            locked.status, locked.reason = Mailing.Status.SKIPPED, _why_nobody(locked)
            locked.finished_at = now
            locked.mailing_items.all().delete()  # nobody has seen them
        locked.save()
    mailing.refresh_from_db()
    return mailing.planned > 0


def complete(mailing_id: int) -> None:
    """Make the rest of the mailing's deliveries; those that there are stay as they are.

    The mailing's own row is touched at the end only, because the workers write their sums to it meanwhile. Two who were
    both told to do this meet at the unique key instead: the second waits there, and leaves it to the first.
    """
    try:
        _complete(mailing_id)
    except IntegrityError:
        logger.info("The rest of mailing %s was made by another meanwhile", mailing_id)


def in_words(delay: timedelta) -> str:
    """A length of time such as `2 h 10 min`."""
    hours, minutes = divmod(int(delay.total_seconds()) // 60, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def _complete(mailing_id: int) -> None:
    with transaction.atomic():
        going_on = Mailing.objects.filter(status__in=[Mailing.Status.SENDING, Mailing.Status.PAUSED], has_more=True)
        mailing = going_on.select_related("list", "digest", "announcement__segment__list").filter(pk=mailing_id).first()
        if mailing is None:
            return
        made = insert_deliveries(mailing)
        if not going_on.filter(pk=mailing_id).update(planned=F("planned") + made, has_more=False):
            transaction.set_rollback(True)  # it was cancelled meanwhile: these were never planned


def _waits_its_turn(mailing: Mailing) -> bool:
    """Whether an earlier mailing of the same announcement may still get deliveries, which this one's go by."""
    if mailing.announcement_id is None:
        return False
    earlier = Mailing.objects.open().filter(announcement=mailing.announcement_id, pk__lt=mailing.pk)
    return earlier.filter(Q(status=Mailing.Status.PLANNED) | Q(has_more=True)).exists()


def _why_nobody(mailing: Mailing) -> str:
    if mailing.announcement is None:
        return "nobody is on the list"
    in_segment = mailing.announcement.segment is not None
    return "nobody is in the segment" if in_segment else "nobody is on the list who is not on an earlier one"


def _plan_occurrence(digest: Digest, moment: datetime, zone: str, now: datetime) -> Mailing | None:
    """The occurrence's mailing, new: planned, or skipped or missed with the reason; None if it was planned before."""
    if Mailing.objects.filter(digest=digest, scheduled_for=moment, time_zone=zone).exists():
        return None
    late = now - moment
    mailing = _new_mailing(digest, moment, zone)
    mailing.is_local = digest.in_recipients_zone
    if digest.paused:
        return _close(mailing, Mailing.Status.SKIPPED, "the digest was paused", now)
    if late > timedelta(hours=digest.catch_up_hours):
        return _close(
            mailing,
            Mailing.Status.MISSED,
            f"nothing ran until {now:%-d %b %Y %H:%M} UTC, {in_words(late)} late; "
            f"the catch-up window is {digest.catch_up_hours} h",
            now,
        )
    if late > PUNCTUAL:
        mailing.context["late"] = in_words(late)
        mailing.reason = f"late by {in_words(late)}"
    mailing.save()
    if not insert_items(mailing, now) and not digest.send_when_empty:
        return _close(mailing, Mailing.Status.SKIPPED, "nothing new since the last digest", now)
    return mailing


def _new_mailing(digest: Digest, moment: datetime, zone: str) -> Mailing:
    return Mailing(
        kind=Mailing.Kind.DIGEST,
        digest=digest,
        list=digest.list,
        version=digest.template.version_to_send(),
        scheduled_for=moment,
        time_zone=zone,
    )


def _close(mailing: Mailing, status: Mailing.Status, reason: str, now: datetime) -> Mailing:
    mailing.status, mailing.reason, mailing.finished_at = status, reason, now
    mailing.save()
    return mailing


def _zones_in_use(digest: Digest) -> list[str]:
    subscriptions = Subscription.objects.active().filter(list=digest.list)
    zones = set(subscriptions.values_list("recipient__time_zone", flat=True).distinct())
    return sorted({zone or digest.list.time_zone for zone in zones})
