"""Why nothing goes to somebody to whom a mail was planned: asked right before it would be made."""

from datetime import datetime

from mailer.audience.staging_guard import lets_out
from mailer.models import Delivery, Mailing, Subscription, Suppression
from mailer.sending.claim import Claimed
from mailer.sending.outcomes import Kind, Outcome

# Looked up once: an enum's members take their time.
_ACTIVE, _TEST, _NONE = Subscription.Status.ACTIVE, Mailing.Kind.TEST, Delivery.Reason.NONE


def refuse(mailing: Mailing, claimed: Claimed, now: datetime) -> Outcome | None:
    """Why nothing goes to this recipient, as of now; None if a mail does."""
    # For every mail, so the row is asked first, and the mailing only where there is something in it.
    reason = _NONE
    if claimed.person is None:
        reason = Delivery.Reason.ERASED
    elif not lets_out(claimed.person.email):
        reason = Delivery.Reason.GUARDED
    elif claimed.suppressed and (mailing.list_id is not None or claimed.suppressed not in Suppression.FOR_LISTS):
        reason = Delivery.Reason.SUPPRESSED
    elif mailing.kind == _TEST:
        return None  # who asked for it need not be on the list
    elif claimed.subscription != _ACTIVE and mailing.list_id is not None:
        reason = Delivery.Reason.UNSUBSCRIBED
    elif claimed.paused_until is not None and claimed.paused_until > now:
        reason = Delivery.Reason.PAUSED
    return Outcome(claimed.id, Kind.SKIPPED, reason=reason) if reason else None
