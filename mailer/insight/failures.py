"""Why mails of a mailing failed, in numbers, for the buttons that try them again."""

from dataclasses import dataclass

from mailer.models import Delivery, Mailing

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


def _of(mailing: Mailing, reason: Delivery.Reason) -> Failures:
    rows = Delivery.objects.with_reason().filter(mailing=mailing, reason=reason, status=Delivery.Status.FAILED)
    count = rows.order_by()[: MOST_COUNTED + 1].count()
    return Failures(reason.value, str(reason.label), min(count, MOST_COUNTED), count > MOST_COUNTED)
