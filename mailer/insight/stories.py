"""The story of one mail in words: what was tried, what the mail server said, how it ended."""

from mailer.insight.words import count_of, when, when_exactly
from mailer.models import Claim, Delivery


def what_happened(delivery: Delivery) -> str:
    """One sentence: the state, the reason, and what comes next if anything does."""
    told = {
        Delivery.Status.QUEUED: _waiting,
        Delivery.Status.SENT: _sent,
        Delivery.Status.UNCERTAIN: _uncertain,
    }.get(Delivery.Status(delivery.status))
    return told(delivery) if told else _ended(delivery)


def server_answer(delivery: Delivery) -> str:
    """`550 5.1.1 No such user`, or nothing where no server was asked."""
    return f"{delivery.smtp_code or ''} {delivery.smtp_text}".strip()


def reason_in_words(delivery: Delivery) -> str:
    """Why it is not simply sent; nothing if it is."""
    return str(Delivery.Reason(delivery.reason).label) if delivery.reason else ""


def _waiting(delivery: Delivery) -> str:
    claim = Claim.objects.covering(delivery.mailing_id, delivery.pk, delivery.pk).first()
    if claim is not None:
        return f"A worker has it in hand; if that worker dies it is taken back {when_exactly(claim.until)}."
    if not delivery.attempts:
        due = f" It is due {when(delivery.next_attempt_at)}." if delivery.next_attempt_at else ""
        return f"Waits to be sent.{due}"
    tried = count_of(delivery.attempts, "attempt")
    return f"Will be tried again {when(delivery.next_attempt_at)}, after {tried}: {_reason(delivery)}."


def _sent(delivery: Delivery) -> str:
    tried = f", at attempt {delivery.attempts}" if delivery.attempts > 1 else ""
    return f"Sent {when_exactly(delivery.sent_at)}{tried}: the mail server took it."


def _uncertain(delivery: Delivery) -> str:
    if delivery.reason == Delivery.Reason.LET_BE:
        return "It may have been sent: nobody can say, and it was let be."
    return f"It may have been sent: {_reason(delivery)}. Nothing is sent again without your decision."


def _ended(delivery: Delivery) -> str:
    tried = f" after {count_of(delivery.attempts, 'attempt')}" if delivery.attempts else ""
    return f"{delivery.get_status_display()}{tried}: {_reason(delivery)}."


def _reason(delivery: Delivery) -> str:
    return reason_in_words(delivery) or "no reason was recorded"
