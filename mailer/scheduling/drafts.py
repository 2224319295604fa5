"""What would go if it went now, before it is planned: to be looked at, and to be sent to oneself as a test."""

from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction

from mailer.audience.repeats import links_had
from mailer.models import Announcement, Delivery, Digest, DigestItem, Mailing, Recipient, Subscription
from mailer.scheduling.announcements import draft_mailing
from mailer.scheduling.schedules import rule_of
from mailer.templating.check import check_context
from mailer.templating.contexts import ITEM_TEXTS, item_context, mailing_context, person_of
from mailer.templating.letter import SOMEBODY, Letter, preview_letter
from mailer.templating.plain_data import dehydrate


@dataclass(frozen=True)
class Draft:
    """A mailing that is not saved, and the items that would be in one person's copy, as templates see them."""

    mailing: Mailing
    items: list[dict[str, Any]]


def draft_digest(digest: Digest, recipient: Recipient | None, now: datetime) -> Draft:
    """The digest as the recipient would get it now; as anybody would for None. Raises TemplateVersion.DoesNotExist."""
    schedule = rule_of(digest)
    mailing = Mailing(
        kind=Mailing.Kind.DIGEST,
        digest=digest,
        list=digest.list,
        version=digest.template.version_to_send(),
        scheduled_for=now,
        time_zone=schedule[1] if schedule else digest.list.time_zone,
    )
    waiting = DigestItem.objects.waiting(digest, now)
    own = waiting.filter(recipient=recipient) if recipient else DigestItem.objects.none()
    zone = ZoneInfo(mailing.time_zone)
    shared = list(waiting.filter(recipient=None))
    had = links_had(recipient, [item.url for item in shared], digest.list) if recipient else set()
    items = (*own, *(item for item in shared if item.url not in had))
    texts_of = attrgetter(*ITEM_TEXTS)
    return Draft(mailing, [item_context(texts_of(item), item.published_at, zone) for item in items])


def draft_announcement(announcement: Announcement, recipient: Recipient | None, now: datetime) -> Draft:
    """The announcement as the recipient would get it, by the first of its lists that they are on.

    Raises TemplateVersion.DoesNotExist.
    """
    lists = announcement.lists_in_order()
    on = set(Subscription.objects.active().filter(recipient=recipient).values_list("list", flat=True))
    mailing_list = next((each for each in lists if each.pk in on), lists[0] if lists else None)
    zone = announcement.time_zone if announcement.send_at else None
    return Draft(draft_mailing(announcement, mailing_list, announcement.send_at or now, zone), [])


def letter_of(draft: Draft, recipient: Recipient | None) -> Letter:
    """The draft filled for the recipient it was made for. Raises TemplateError."""
    return preview_letter(draft.mailing, draft.items, person_of(recipient) if recipient else SOMEBODY)


def plan_test(draft: Draft, to: Recipient, by: Any, now: datetime) -> Mailing:
    """Write down that the draft goes to this one person now, as a test, by the user `by`.

    It goes the way of all mail and is in the log, but pins no items, belongs to no digest and no announcement, and its
    unsubscribe link ends nothing. Raises TemplateError if it can't be filled.
    """
    pattern, pinned = draft.mailing, draft.mailing.pinned
    context = mailing_context(pattern, draft.items)
    check_context(pinned.subject, pinned.html, pinned.text, context)
    with transaction.atomic():
        mailing = Mailing.objects.create(
            kind=Mailing.Kind.TEST,
            list=pattern.list,
            version=pattern.version,
            recipient=to,
            scheduled_for=now,
            time_zone=pattern.time_zone,
            started_at=now,
            status=Mailing.Status.SENDING,
            context=dehydrate(context),
            created_by=by,
            planned=1,
        )
        Delivery.objects.create(mailing=mailing, recipient=to)
    return mailing
