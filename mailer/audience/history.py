"""How one person's standing with their lists came about: each moment of it, and what it was at any time."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mailer.models import ConsentEvent, Recipient, RecipientList, Subscription

What = ConsentEvent.What
#: What the person is to the list after each of these; REMOVED leaves nothing.
STANDING = {
    What.ASKED: Subscription.Status.PENDING,
    What.SUBSCRIBED: Subscription.Status.ACTIVE,
    What.CONFIRMED: Subscription.Status.ACTIVE,
    What.RESUBSCRIBED: Subscription.Status.ACTIVE,
    What.UNCONFIRMED: Subscription.Status.PENDING,
    What.UNSUBSCRIBED: Subscription.Status.UNSUBSCRIBED,
    What.REMOVED: None,
}
#: Those after which mail to the list no longer goes to the person.
LEFT = (What.UNSUBSCRIBED, What.REMOVED, What.UNCONFIRMED)


@dataclass(frozen=True)
class Moment:
    """One change, when it was, how it was said and by which of staff."""

    list: RecipientList
    at: datetime
    what: ConsentEvent.What
    detail: str = ""
    source: str = ""
    by: Any = None

    @property
    def status(self) -> Subscription.Status | None:
        """What the person is to the list from then on, if this is about that."""
        return STANDING.get(self.what)


def history_of(recipient: Recipient) -> list[Moment]:
    """All that is known of the person's lists, the oldest first: the events, and what the subscriptions say."""
    events = ConsentEvent.objects.filter(recipient=recipient).select_related("list", "by")
    moments = [Moment(event.list, event.at, What(event.what), event.detail, event.source, event.by) for event in events]
    for subscription in Subscription.objects.filter(recipient=recipient).select_related("list", "changed_by"):
        moments += told_by_row(subscription, [moment for moment in moments if moment.list == subscription.list])
    return sorted(moments, key=lambda moment: moment.at)


def told_by_row(subscription: Subscription, events: Collection[Moment]) -> Iterator[Moment]:
    """What the subscription itself says and the events about it do not: how it began, and what is older than they."""
    its_own = {moment.what for moment in events if moment.at >= subscription.subscribed_at}
    left = subscription.status == Subscription.Status.UNSUBSCRIBED and What.UNSUBSCRIBED not in its_own
    confirmed = subscription.confirmed_at is not None or What.CONFIRMED in its_own
    asked = confirmed or (subscription.status == Subscription.Status.PENDING and What.UNCONFIRMED not in its_own)
    # Without an event, the row's source is the last word said: how somebody left, and no more how they came.
    # An import that subscribes somebody again puts its own there, and its undoing puts back what was there.
    later = {moment.source for moment in events if moment.what in (What.RESUBSCRIBED, What.UNSUBSCRIBED)}
    began = "" if left or subscription.source in later else subscription.source
    yield Moment(subscription.list, subscription.subscribed_at, What.ASKED if asked else What.SUBSCRIBED, source=began)
    if subscription.confirmed_at is not None and What.CONFIRMED not in its_own:
        yield Moment(subscription.list, subscription.confirmed_at, What.CONFIRMED)
    if left:
        at = subscription.unsubscribed_at or subscription.subscribed_at
        yield Moment(subscription.list, at, What.UNSUBSCRIBED, source=subscription.source, by=subscription.changed_by)


def wanted_weekly(history: Iterable[Moment], row: Subscription, at: datetime) -> bool:
    """Whether the person wanted one mail a week then, by what was changed before, or else after, or is so now."""
    weekly = str(Subscription.Cadence.WEEKLY.label)
    changes = [moment for moment in history if moment.list == row.list and moment.what == What.CADENCE]
    before = [moment for moment in changes if moment.at <= at]
    if before:
        return before[-1].detail == weekly
    return changes[0].detail != weekly if changes else row.cadence == Subscription.Cadence.WEEKLY


def standing(history: Iterable[Moment], mailing_list: RecipientList, at: datetime) -> Moment | None:
    """What put the person where they stood with the list at that time; None if they had never been on it."""
    found = None
    for moment in history:
        if moment.list == mailing_list and moment.what in STANDING and moment.at <= at:
            found = moment
    return found
