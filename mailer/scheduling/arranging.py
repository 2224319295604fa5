"""The order that staff give to the items which wait for a digest; planning and the mail keep to it."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from mailer.models import Digest, DigestItem

#: How many items can be given a place; a mail shows far fewer.
MOST_PLACES = 100


def arrange(digest: Digest, ids: Sequence[int], now: datetime) -> None:
    """Put the waiting items of these ids first, in this order; the others follow as they stand."""
    with transaction.atomic():
        waiting = list(DigestItem.objects.waiting(digest, now).select_for_update(of=("self",))[:MOST_PLACES])
        places = {pk: place for place, pk in enumerate(ids)}
        waiting.sort(key=lambda item: places.get(item.pk, len(places)))
        for position, item in enumerate(waiting, start=1):
            item.position = position
        DigestItem.objects.bulk_update(waiting, ["position"])


def move(digest: Digest, item_id: int, by: int, now: datetime) -> None:
    """Move the item up (-1) or down (1) among those that wait; one that does not wait stays as it is."""
    ids = list(DigestItem.objects.waiting(digest, now).values_list("pk", flat=True)[:MOST_PLACES])
    if item_id in ids:
        place = ids.index(item_id)
        ids.insert(max(place + by, 0), ids.pop(place))
        arrange(digest, ids, now)
