"""What a digest would send if it went now."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from mailer.models import Digest, DigestItem, Mailing, Subscription

#: No page lists or counts more items than this.
MOST_ITEMS = 1_000


@dataclass(frozen=True)
class Waiting:
    """What waits to be in the next digest, and for whom."""

    items: list[DigestItem]  #: the newest few
    item_count: int
    item_count_is_capped: bool
    recipients: int
    last: Mailing | None


def waiting_for(digest: Digest, now: datetime, shown: int = 5) -> Waiting:
    """The items that the digest has not sent yet, how many people would get them, and when it last went."""
    items = waiting_items(digest, now)
    counted = items.order_by()[: MOST_ITEMS + 1].count()
    return Waiting(
        items=list(items[:shown]),
        item_count=min(counted, MOST_ITEMS),
        item_count_is_capped=counted > MOST_ITEMS,
        recipients=Subscription.objects.active().filter(list=digest.list_id).count(),
        last=Mailing.objects.filter(digest=digest).select_related("digest").first(),
    )


def waiting_items(digest: Digest, now: datetime) -> QuerySet[DigestItem]:
    """Published, not hidden, and in none of the digest's mailings: the rule by which planning chooses."""
    here = DigestItem.objects.filter(list=digest.list_id, is_hidden=False, published_at__lte=now)
    return here.exclude(mailing_items__mailing__digest=digest)
