"""Announcements: let go by somebody, planned once when due, as one mailing a list with each person in one of them."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction

from mailer.models import Announcement, Mailing, RecipientList
from mailer.models.outbox import tell_of_mailing
from mailer.scheduling.planning import PUNCTUAL, begin, in_words
from mailer.templating.check import check_context
from mailer.templating.contexts import mailing_context

#: So late an announcement is still sent, and says so in its log; as a digest's window is at first. Its pages say so.
CATCH_UP = timedelta(hours=6)


class NotToBeSent(Exception):
    """The announcement can't be let go as it is; the message says why."""


def schedule_announcement(announcement: Announcement, at: datetime, time_zone: str, by: Any) -> None:
    """Let a draft go at that time, in the version that its template has now; `by` is the user who says so.

    Whoever comes second finds no draft any more. Raises NotToBeSent, and TemplateError for fields that do not fill it.
    """
    version = announcement.template.versions.to_send().first()
    if version is None:
        raise NotToBeSent(f"{announcement.template} has no version yet; run manage.py sync_templates.")
    lists = announcement.lists_in_order()
    if not lists:
        raise NotToBeSent("It goes to nobody yet: choose its lists or a segment.")
    for each in lists:
        draft = draft_mailing(announcement, each, at, time_zone)
        check_context(version.subject, version.html, version.text, mailing_context(draft, []))
    drafts = Announcement.objects.filter(pk=announcement.pk, status=Announcement.Status.DRAFT)
    scheduled = Announcement.Status.SCHEDULED
    if not drafts.update(status=scheduled, version=version, send_at=at, time_zone=time_zone, sent_by=by):
        raise NotToBeSent(f"{announcement} was let go already.")
    announcement.refresh_from_db()


def withdraw(announcement: Announcement) -> bool:
    """Make what is scheduled and not yet planned a draft again. Returns whether it was in time."""
    waiting = Announcement.objects.scheduled().filter(pk=announcement.pk)
    return waiting.update(status=Announcement.Status.DRAFT, send_at=None, version=None, sent_by=None) > 0


def copy_announcement(announcement: Announcement) -> Announcement:
    """A new draft that says the same to the same people."""
    with transaction.atomic():
        copied = Announcement.objects.create(
            name=f"{announcement.name} (copy)"[:200],
            template=announcement.template,
            fields=announcement.fields,
            segment=announcement.segment,
        )
        copied.lists.set(announcement.lists.all())
    return copied


def plan_announcements(now: datetime) -> list[Mailing]:
    """Plan every announcement that is due. Returns the mailings that have mails to send."""
    due = Announcement.objects.scheduled().filter(send_at__lte=now).order_by("send_at")
    return [mailing for pk in due.values_list("pk", flat=True) for mailing in plan_announcement(pk, now)]


def plan_announcement(pk: int, now: datetime) -> list[Mailing]:
    """Plan the announcement if it is due and was not planned before. Returns the mailings that have mails to send.

    Its mailings are made together, in the order of its lists; each begins when the one before has all its deliveries,
    so that who is on several lists is in the first (a long list's next one is begun by the tick).
    """
    with transaction.atomic():
        locked = Announcement.objects.scheduled().select_for_update(of=("self",)).filter(pk=pk, send_at__lte=now)
        announcement = locked.select_related("segment__list", "version").first()
        if announcement is None or announcement.send_at is None:
            return []
        late = now - announcement.send_at
        drafts = [
            draft_mailing(announcement, each, announcement.send_at, announcement.time_zone)
            for each in announcement.lists_in_order()
        ]
        mailings = [_plan(mailing, late, now) for mailing in drafts]
        missed = late > CATCH_UP
        announcement.status = Announcement.Status.MISSED if missed else Announcement.Status.SENT
        announcement.save(update_fields=["status"])
    return [mailing for mailing in mailings if begin(mailing, now)]


def draft_mailing(
    announcement: Announcement, mailing_list: RecipientList | None, at: datetime, time_zone: str | None = None
) -> Mailing:
    """The announcement's mailing to one of its lists, not saved; without a zone it is told by the list's clocks.

    Raises TemplateVersion.DoesNotExist.
    """
    return Mailing(
        kind=Mailing.Kind.ANNOUNCEMENT,
        announcement=announcement,
        list=mailing_list,
        version=announcement.version or announcement.template.version_to_send(),
        scheduled_for=at,
        time_zone=time_zone or (mailing_list.time_zone if mailing_list else settings.PROJECT_TIME_ZONE),
        context=dict(announcement.fields),
        created_by=announcement.sent_by,
    )


def _plan(mailing: Mailing, late: timedelta, now: datetime) -> Mailing:
    if late > CATCH_UP:
        window = f"the catch-up window is {in_words(CATCH_UP)}"
        mailing.status, mailing.finished_at = Mailing.Status.MISSED, now
        mailing.reason = f"nothing ran until {now:%-d %b %Y %H:%M} UTC, {in_words(late)} late; {window}"
    elif late > PUNCTUAL:
        mailing.context["late"] = in_words(late)
        mailing.reason = f"late by {in_words(late)}"
    mailing.save()
    if mailing.status == Mailing.Status.MISSED:
        tell_of_mailing(mailing)
    return mailing
