"""Whether a mail can still be shown exactly as it was: what it was made of may have changed since."""

from datetime import datetime

from django.db.models import Q

from mailer.insight.words import when
from mailer.models import Delivery, DigestItem, MailingItem, Recipient

#: Of so many items it is looked up whether one was deleted.
MOST_ITEMS = 2_000
_TRIED = (Delivery.Status.SENT, Delivery.Status.BOUNCED, Delivery.Status.COMPLAINED, Delivery.Status.UNCERTAIN)


def made_at(delivery: Delivery) -> datetime | None:
    """When the mail was made that went out, or was last tried; None if none was ever made."""
    if delivery.sent_at is not None:
        return delivery.sent_at
    if delivery.status not in (*_TRIED, Delivery.Status.FAILED, Delivery.Status.QUEUED) or not delivery.attempts:
        return None
    last = delivery.failed_attempts.filter(by="").order_by("-id").first()
    return last.at if last else None


def changes_since(delivery: Delivery, recipient: Recipient, at: datetime) -> list[str]:
    """What the mail was made of and has changed since, in sentences; nothing if it is as it was.

    The template's version and the choice of items are pinned; the person, the list, the digest and what the items say
    are not.
    """
    mailing = delivery.mailing
    things = {"The person": recipient, "The list": mailing.list, "The digest": mailing.digest}
    found = [
        f"{name} was changed {when(thing.changed_at)}."
        for name, thing in things.items()
        if thing is not None and thing.changed_at is not None and thing.changed_at > at
    ]
    pinned = MailingItem.objects.filter(Q(recipient=None) | Q(recipient=recipient), mailing=mailing)
    items = DigestItem.objects.filter(mailing_items__in=pinned, changed_at__gt=at)
    found += [f"The item “{item.title}” was changed {when(item.changed_at)}." for item in items[:20]]
    return [*found, *_deleted(delivery)]


def _deleted(delivery: Delivery) -> list[str]:
    """Items have places from one on, so a gap is one that is gone."""
    items = MailingItem.objects.filter(mailing=delivery.mailing_id)
    places = list(items.order_by().values_list("position", flat=True)[: MOST_ITEMS + 1])
    is_gap = len(places) <= MOST_ITEMS and max(places, default=0) > len(places)
    return ["An item that was in this mailing has been deleted."] if is_gap else []
