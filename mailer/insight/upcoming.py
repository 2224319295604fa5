"""What a digest would send if it went now, and to whom."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from mailer.models import Digest, DigestItem, Mailing, Recipient, SourceState, Subscription, Suppression
from mailer.models.recipients import SubscriptionQuerySet

#: No page lists or counts more items than this.
MOST_ITEMS = 1_000
#: How many items a digest's page shows, in the order in which they will be in the mail.
SHOWN = 25
#: How far back hidden items are shown, to be brought back.
HIDDEN_SINCE = timedelta(days=31)


@dataclass(frozen=True)
class Waiting:
    """What waits to be in the next digest."""

    items: list[DigestItem]  #: the first few
    item_count: int
    item_count_is_capped: bool
    coming: list[DigestItem]  #: those with a time still to come
    hidden: list[DigestItem]


def waiting_for(digest: Digest, now: datetime) -> Waiting:
    """The items that the digest has not sent yet."""
    items = DigestItem.objects.waiting(digest, now)
    counted = items.order_by()[: MOST_ITEMS + 1].count()
    unsent = DigestItem.objects.unsent(digest)
    hidden = unsent.filter(is_hidden=True, published_at__gt=now - HIDDEN_SINCE)
    return Waiting(
        items=list(items.select_related("recipient")[:SHOWN]),
        item_count=min(counted, MOST_ITEMS),
        item_count_is_capped=counted > MOST_ITEMS,
        coming=list(unsent.filter(is_hidden=False, published_at__gt=now).order_by("published_at", "id")[:SHOWN]),
        hidden=list(hidden.order_by("-published_at", "-id")[:SHOWN]),
    )


def subscribers_of(digest: Digest) -> int:
    """How many active subscribers want the digest each time, by two indexes alone."""
    return Subscription.objects.active().filter(list=digest.list).count() - weekly_subscribers_of(digest)


def weekly_subscribers_of(digest: Digest) -> int:
    """How many active subscribers want one mail a week instead."""
    return Subscription.objects.active().weekly().filter(list=digest.list).count()


def without_news(digest: Digest, now: datetime) -> int:
    """For how many active subscribers there would be nothing in the digest, so that it is not sent to them."""
    waiting = DigestItem.objects.waiting(digest, now).order_by()
    if digest.send_when_empty or waiting.filter(recipient=None).exists():
        return 0
    return subscribers_of(digest) - with_own_news(digest, now).count()


def with_own_news(digest: Digest, now: datetime) -> SubscriptionQuerySet:
    """The active subscribers for each of whom alone something waits."""
    own = DigestItem.objects.waiting(digest, now).order_by().exclude(recipient=None).values("recipient")
    theirs = Subscription.objects.active().filter(list=digest.list_id, recipient__in=own)
    return theirs.exclude(cadence=Subscription.Cadence.WEEKLY)


def news_in_words(digest: Digest, waiting: Waiting, now: datetime) -> str:
    """For whom there would be something in the digest, without counting its list."""
    if digest.send_when_empty:
        return "It is sent also to those for whom nothing is new."
    if not waiting.item_count:
        return "Nobody yet: nothing is new."
    if DigestItem.objects.waiting(digest, now).filter(recipient=None).exists():
        return "For none of them it would be empty."
    few = with_own_news(digest, now)[: MOST_ITEMS + 1].count()
    known = f"more than {MOST_ITEMS:,}" if few > MOST_ITEMS else f"{few:,}"
    return f"Only {known} of them have something new, each their own; the others would get nothing."


def states_of_sources(digest: Digest) -> list[SourceState]:
    """How each of the digest's sources is, in their order; one that was never called has no time."""
    known = {state.name: state for state in SourceState.objects.filter(digest=digest)}
    return [known.get(name) or SourceState(digest=digest, name=name) for name in digest.sources]


def last_mailing_of(digest: Digest) -> Mailing | None:
    """When it last went, or did not."""
    return Mailing.objects.filter(digest=digest).select_related("digest").first()


def why_not(draft: Mailing, recipient: Recipient, now: datetime) -> str:
    """Why the recipient would not get this if it went to its list now; nothing if they would."""
    mailing_list = draft.list
    if mailing_list is None:
        return ""
    if Suppression.objects.effective(now).filter(email=recipient.email).exists():
        return "the address is suppressed"
    subscription = Subscription.objects.filter(list=mailing_list, recipient=recipient).first()
    if subscription is None:
        return f"they are not on {mailing_list}"
    if subscription.status != Subscription.Status.ACTIVE:
        return f"on {mailing_list} they are: {subscription.get_status_display().lower()}"
    if subscription.paused_until is not None and subscription.paused_until > now:
        return f"they asked {mailing_list} for a pause"
    if draft.digest is not None and subscription.cadence == Subscription.Cadence.WEEKLY:
        return f"they want {mailing_list} once a week, on {draft.digest.get_weekly_on_display()}s"
    return ""
