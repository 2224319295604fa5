"""Why mails of a mailing failed, in numbers, for the buttons that try them again."""

from dataclasses import dataclass

from mailer.models import Delivery, Mailing
from mailer.models.deliveries import DeliveryQuerySet

#: Counting stops here: a page must not read a million rows.
MOST_COUNTED = 10_000


@dataclass(frozen=True)
class Failures:
    """The failed mails of one reason; `is_capped` says that there are more than were counted."""

    reason: str
    words: str
    count: int
    is_capped: bool


def failures_of(mailing: Mailing) -> list[Failures]:
    """The mailing's failures by reason, the most frequent first."""
    if not mailing.failed:
        return []
    counted = [_of(mailing, reason) for reason in Delivery.Reason if reason.value]
    return sorted((failures for failures in counted if failures.count), key=lambda failures: -failures.count)


def failed_count(mailing: Mailing, reason: str, most: int) -> int:
    """How many failed, of one reason if it is named; those are counted no further than one beyond `most`."""
    return _failed(mailing, reason).order_by()[: most + 1].count() if reason else mailing.failed


def _of(mailing: Mailing, reason: Delivery.Reason) -> Failures:
    count = _failed(mailing, reason).order_by()[: MOST_COUNTED + 1].count()
    return Failures(reason.value, str(reason.label), min(count, MOST_COUNTED), count > MOST_COUNTED)


def _failed(mailing: Mailing, reason: str) -> DeliveryQuerySet:
    return Delivery.objects.with_reason().filter(mailing=mailing, reason=reason, status=Delivery.Status.FAILED)
