"""How often mails to an address came back lately for reasons that may pass: a number that sinks by itself.

Each such mail adds one. The number halves in two weeks, and with each mail in between that did not come back.
"""

from datetime import datetime, timedelta

from mailer.models import BounceScore, Delivery, Recipient

#: After so many half-lives a number is as good as none.
_FORGOTTEN_AFTER = 10


def add_to_score(person: Recipient, returned: Delivery, now: datetime) -> float:
    """Add a mail that came back, and say what the number is now.

    Nothing is written when a mail arrives: that it did shows when the next one comes back.
    """
    left = returned.sent_at or now
    row, is_new = BounceScore.objects.select_for_update().get_or_create(
        email=person.email, defaults={"score": 1.0, "at": now, "sent_at": left}
    )
    if is_new:
        return row.score
    arrived = _arrived_between(person, row.sent_at, left) if left > row.sent_at else 0
    row.score = 1 + row.at_time(now, arrived)
    row.at, row.sent_at = now, max(row.sent_at, left)
    row.save()
    return row.score


def forget_scores(now: datetime) -> int:
    """Delete what has sunk to nothing. Returns how many rows."""
    return BounceScore.objects.filter(at__lt=now - _FORGOTTEN_AFTER * BounceScore.HALF_LIFE).delete()[0]


def _arrived_between(person: Recipient, first: datetime, last: datetime) -> int:
    """The person's mails that left after the one time and before the other, and have not come back."""
    since = first - timedelta(days=2)  # a mailing is older than its mails
    mails = Delivery.objects.to(person, since).filter(status=Delivery.Status.SENT, sent_at__gt=first, sent_at__lt=last)
    return mails.count()
