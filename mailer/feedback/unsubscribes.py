"""People who leave a list, and who come back by the same link."""

from datetime import datetime

from mailer.models import Subscription


def unsubscribe_recipient(list_id: int, recipient_id: int, now: datetime, source: str) -> bool:
    """End the subscription, if there is one. Returns whether it was active until now; doing it again does nothing."""
    subscriptions = Subscription.objects.filter(list=list_id, recipient=recipient_id)
    changed = subscriptions.exclude(status=Subscription.Status.UNSUBSCRIBED).update(
        status=Subscription.Status.UNSUBSCRIBED, unsubscribed_at=now, source=source
    )
    return changed > 0


def subscribe_again(list_id: int, recipient_id: int, source: str) -> bool:
    """Undo it. Returns whether there was something to undo."""
    left = Subscription.objects.filter(list=list_id, recipient=recipient_id, status=Subscription.Status.UNSUBSCRIBED)
    return left.update(status=Subscription.Status.ACTIVE, unsubscribed_at=None, source=source) > 0
