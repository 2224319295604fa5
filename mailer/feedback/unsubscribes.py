"""People who leave a list, and who come back."""

from django.db import transaction

from mailer.audience.consent import Word, note
from mailer.models import ConsentEvent, Subscription

What = ConsentEvent.What
Status = Subscription.Status


def unsubscribe_recipient(list_id: int, recipient_id: int, word: Word) -> bool:
    """End the subscription, if there is one. Returns whether it held until now; doing it again does nothing."""
    here = Subscription.objects.filter(list=list_id, recipient=recipient_id).exclude(status=Status.UNSUBSCRIBED)
    with transaction.atomic():
        left = here.update(status=Status.UNSUBSCRIBED, unsubscribed_at=word.at, changed_by=word.by) > 0
        if left:
            note(list_id, recipient_id, What.UNSUBSCRIBED, word)
    return left


def unsubscribe_everywhere(recipient_id: int, word: Word) -> int:
    """End all of the person's subscriptions. Returns how many held until now."""
    here = Subscription.objects.filter(recipient=recipient_id).exclude(status=Status.UNSUBSCRIBED)
    lists = list(here.values_list("list_id", flat=True))
    return sum(unsubscribe_recipient(list_id, recipient_id, word) for list_id in lists)


def subscribe_again(list_id: int, recipient_id: int, word: Word) -> bool:
    """Undo it. Returns whether there was something to undo."""
    gone = Subscription.objects.filter(list=list_id, recipient=recipient_id, status=Status.UNSUBSCRIBED)
    with transaction.atomic():
        back = gone.update(status=Status.ACTIVE, unsubscribed_at=None, changed_by=word.by) > 0
        if back:
            note(list_id, recipient_id, What.RESUBSCRIBED, word)
    return back
