"""From an occurrence that is due to a mailing with one delivery a recipient, made once however often it is asked."""

import logging
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, Q

from mailer.audience.repeats import earlier_holders
from mailer.models import Digest, Mailing, TemplateVersion
from mailer.models.outbox import tell_of_mailing
from mailer.scheduling.audience_sql import insert_deliveries, insert_items, insert_spread_deliveries, wants_weekly
from mailer.scheduling.catching_up import catch_up
from mailer.scheduling.mailings import new_mailing
from mailer.scheduling.moments import looked_at_until, zones_in_use
from mailer.scheduling.movers import zones_moved_into
from mailer.scheduling.occurrences import InvalidSchedule, due, is_first_since
from mailer.scheduling.schedules import is_in_force, rule_of
from mailer.scheduling.sourcing import call_due_sources, call_sources

logger = logging.getLogger(__name__)

#: Sooner than this after its time, a digest does not say that it is late.
PUNCTUAL = timedelta(minutes=10)
#: How many deliveries are made before the first is sent.
FIRST_PART = 10_000


class NothingToSend(Exception):
    """A mailing that was asked for has nobody or nothing to send; the message says which."""


def plan_due(now: datetime) -> list[Mailing]:
    """Plan what has fallen due for every digest. Returns the mailings that have mails to send.

    A digest that can't be planned is logged, and does not stop the others.
    """
    planned = []
    scheduled = Digest.objects.exclude(periodic_task=None).values_list("pk", "sources")
    # Those with sources last: other people's code may be slow, and holds up only its own kind.
    for pk, _ in sorted(scheduled, key=lambda row: bool(row[1])):
        try:
            planned += plan_digest(pk, now)
        except (InvalidSchedule, TemplateVersion.DoesNotExist) as error:
            logger.error("Digest %s can't be planned: %s", pk, error)
    # What a planner that died had begun, and what waited for an earlier mailing of its announcement.
    begun = Mailing.objects.filter(status=Mailing.Status.PLANNED, scheduled_for__lte=now).order_by("pk")
    return planned + [mailing for mailing in begun if begin(mailing, now)]


def plan_digest(digest_id: int, now: datetime) -> list[Mailing]:
    """Plan the digest's occurrences since it was last looked at, each as sent, skipped or missed, and each once.

    Before that its sources are called, if one is due. Returns the mailings that have mails to send. Raises
    InvalidSchedule for a crontab that can't be read.
    """
    call_due_sources(digest_id, now)
    with transaction.atomic():
        # The lock makes two ticks at once do the work one after the other; the unique key would stop them anyway.
        digest = Digest.objects.select_for_update(of=("self",)).get(pk=digest_id)
        schedule = rule_of(digest)
        if schedule is None:
            return []
        cron, zone = schedule
        since = looked_at_until(digest, now)
        in_use: dict[str, datetime | None] = zones_in_use(digest) if digest.in_recipients_zone else {zone: None}
        mailings = [
            mailing
            for zone_in_use in sorted(in_use)
            for moment in due(cron, zone_in_use, since, now)
            if is_in_force(digest, moment)
            for mailing in _plan_occurrence(digest, moment, (cron, zone_in_use), now)
        ]
        if digest.in_recipients_zone:
            for moved_into in zones_moved_into(digest, in_use, since):
                mailings += catch_up(digest, (cron, moved_into), since, now)
        digest.checked_through = now
        digest.save(update_fields=["checked_through"])
    return [mailing for mailing in mailings if begin(mailing, now) or mailing.status == Mailing.Status.SENDING]


def plan_now(digest: Digest, now: datetime, created_by: Any = None, key: str | None = None) -> Mailing:
    """Plan the digest at once, outside its schedule, as a mailing of its own; the same key gives the same mailing.

    Its sources are called first. Raises NothingToSend.
    """
    if key is not None and (earlier := Mailing.objects.filter(key=key).first()):
        return earlier
    call_sources(digest, now)
    with transaction.atomic():
        # Who asks twice at once, or while a tick plans, waits here; or the same items would go out twice.
        digest = Digest.objects.select_for_update(of=("self",)).get(pk=digest.pk)
        if key is not None and (earlier := Mailing.objects.filter(key=key).first()):
            return earlier
        schedule = rule_of(digest)
        mailing = new_mailing(digest, now, schedule[1] if schedule else digest.list.time_zone)
        mailing.key, mailing.created_by = key, created_by
        mailing.save()
        if not insert_items(mailing, now) and not digest.send_when_empty:
            raise NothingToSend(f"{digest} has nothing new to send.")
    begin(mailing, now)
    mailing.refresh_from_db()  # a tick may have begun it in between
    if not mailing.planned:
        raise NothingToSend(f"{digest} has nobody to send to: {mailing.reason}.")
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
        if locked.spread_until is not None and locked.spread_until > now:
            locked.planned = insert_spread_deliveries(locked, locked.spread_until)
        else:
            locked.planned = insert_deliveries(locked, FIRST_PART)
            locked.has_more = locked.planned == FIRST_PART
        locked.started_at, locked.status = now, Mailing.Status.SENDING
        if not locked.planned:
            locked.status, locked.reason = Mailing.Status.SKIPPED, _why_nobody(locked)
            locked.finished_at = now
            if locked.is_weekly or not wants_weekly(locked):
                locked.mailing_items.all().delete()  # nobody has seen them, and nobody will
        locked.save()
        if locked.status == Mailing.Status.SKIPPED:
            tell_of_mailing(locked)
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
    """Whether an earlier mailing may still get deliveries that this one's go by.

    Of an announcement those to its other lists; of a digest those that hold an item which this one holds too.
    """
    earlier = Mailing.objects.open().filter(Q(status=Mailing.Status.PLANNED) | Q(has_more=True), pk__lt=mailing.pk)
    if mailing.announcement_id is not None:
        return earlier.filter(announcement=mailing.announcement_id).exists()
    return (
        earlier.filter(kind=Mailing.Kind.DIGEST).exists() and earlier.filter(pk__in=earlier_holders(mailing)).exists()
    )


def _why_nobody(mailing: Mailing) -> str:
    if mailing.announcement is None:
        weekly = mailing.digest_id is not None and not mailing.is_weekly and wants_weekly(mailing)
        return "everybody on the list gets it once a week" if weekly else "nobody is on the list"
    in_segment = mailing.announcement.segment is not None
    return "nobody is in the segment" if in_segment else "nobody is on the list who is not on an earlier one"


def _plan_occurrence(digest: Digest, moment: datetime, schedule: tuple[str, str], now: datetime) -> list[Mailing]:
    """What is new of the occurrence: its mailing, and one for those who want it once a week, if it is time for that."""
    cron, zone = schedule
    mailing = new_mailing(digest, moment, zone)
    mailing.is_local = digest.in_recipients_zone
    planned = [_plan_mailing(mailing, digest, now)]
    if is_first_since(digest.weekly_on, moment, cron, zone) and wants_weekly(mailing):
        weekly = new_mailing(digest, moment, zone)
        weekly.is_local, weekly.is_weekly = digest.in_recipients_zone, True
        planned.append(_plan_mailing(weekly, digest, now))
    return [made for made in planned if made is not None]


def _plan_mailing(mailing: Mailing, digest: Digest, now: datetime) -> Mailing | None:
    """The mailing, saved: planned, or skipped or missed with the reason; None if it was planned before."""
    moment = mailing.scheduled_for
    same = Mailing.objects.filter(digest=digest, scheduled_for=moment, time_zone=mailing.time_zone)
    if same.filter(is_weekly=mailing.is_weekly).exists():
        return None
    late = now - moment
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
    if digest.spread_minutes:
        mailing.spread_until = moment + timedelta(minutes=digest.spread_minutes)
    if late > PUNCTUAL:
        mailing.context["late"] = in_words(late)
        mailing.reason = f"late by {in_words(late)}"
    mailing.save()
    if not insert_items(mailing, now) and not digest.send_when_empty:
        return _close(mailing, Mailing.Status.SKIPPED, "nothing new since the last digest", now)
    return mailing


def _close(mailing: Mailing, status: Mailing.Status, reason: str, now: datetime) -> Mailing:
    mailing.status, mailing.reason, mailing.finished_at = status, reason, now
    mailing.save()
    tell_of_mailing(mailing)
    return mailing
