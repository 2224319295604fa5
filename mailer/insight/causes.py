"""What became of one delivery, and the fact behind its reason, in one sentence."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Model

from mailer.audience.history import LEFT, Moment, What, history_of
from mailer.insight.person import moment_in_words
from mailer.insight.stories import came_back, reason_in_words, server_answer, what_happened
from mailer.insight.words import count_of, when, when_exactly
from mailer.models import Claim, Delivery, LiftedSuppression, Mailing, RelayPause, Suppression

Status, Reason = Delivery.Status, Delivery.Reason


@dataclass(frozen=True)
class Answer:
    """One sentence, and the rows that bear it out, each with what it is."""

    sentence: str
    evidence: list[tuple[str, Model]] = field(default_factory=list)


def cause_of(delivery: Delivery, now: datetime) -> Answer:
    """Why the delivery is where it is; its mailing and recipient are loaded."""
    told = {
        Status.SENT: _sent,
        Status.QUEUED: _waiting,
        Status.SKIPPED: _skipped,
        Status.FAILED: _failed,
        Status.BOUNCED: _came_back,
        Status.COMPLAINED: _came_back,
        Status.CANCELLED: _cancelled,
    }.get(Status(delivery.status))
    answer = told(delivery, now) if told else Answer(what_happened(delivery))
    itself: list[tuple[str, Model]] = [("The delivery", delivery), ("Its mailing", delivery.mailing)]
    return Answer(answer.sentence, [*itself, *answer.evidence])


def began(mailing: Mailing) -> datetime:
    """When the mailing decided who is in it."""
    return mailing.started_at or mailing.scheduled_for


def _sent(delivery: Delivery, now: datetime) -> Answer:
    said = f" with “{server_answer(delivery)}”" if delivery.smtp_code else ""
    tried = f", at attempt {delivery.attempts}" if delivery.attempts > 1 else ""
    return Answer(f"It was sent on {when_exactly(delivery.sent_at)}{tried}: the mail server took it{said}.")


def _waiting(delivery: Delivery, now: datetime) -> Answer:
    if Claim.objects.covering(delivery.mailing_id, delivery.pk, delivery.pk).exists():
        return Answer(f"Not yet: {_lowered(what_happened(delivery))}")
    if delivery.mailing.status == Mailing.Status.PAUSED:
        return Answer("Not yet: the mailing is paused, and goes on when it is resumed.")
    pause = RelayPause.objects.first()
    if pause is not None:
        return Answer(
            f"Not yet: the mail server can't be used since {when(pause.since)} ({pause.reason}); "
            f"it is tried again {when(pause.retry_at)}."
        )
    said = f" It said “{server_answer(delivery)}”." if delivery.attempts and delivery.smtp_code else ""
    return Answer(f"Not yet: {_lowered(what_happened(delivery))}{said}")


def _skipped(delivery: Delivery, now: datetime) -> Answer:
    of_reason = {
        Reason.UNSUBSCRIBED: _left,
        Reason.SUPPRESSED: _suppressed,
        Reason.PAUSED: _paused,
    }.get(Reason(delivery.reason))
    found = of_reason(delivery, delivery.mailing.finished_at or now) if of_reason else None
    why = found or Answer(reason_in_words(delivery) or "no reason was recorded")
    return Answer(f"Skipped on {when(began(delivery.mailing))}: {why.sentence}.", why.evidence)


def _left(delivery: Delivery, end: datetime) -> Answer | None:
    gone = _last_of(delivery, LEFT, end)
    return Answer(moment_in_words(gone), _subscription(delivery)) if gone else None


def _suppressed(delivery: Delivery, end: datetime) -> Answer | None:
    email = delivery.recipient.email
    held = Suppression.objects.filter(email=email, created_at__lte=end).first()
    if held is not None:
        note = f" ({held.note})" if held.note else ""
        by = f" by {held.created_by.get_username()}" if held.created_by else ""
        why = f"the address is suppressed since {when(held.created_at)}{by}, because {held.get_reason_display()}{note}"
        return Answer(why, [("The suppression", held)])
    past = LiftedSuppression.objects.filter(
        email=email, created_at__lte=end, lifted_at__gte=began(delivery.mailing)
    ).first()
    if past is None:
        return None
    why = f"the address was suppressed from {when(past.created_at)}, because {past.get_reason_display()}"
    note = f" ({past.lift_note})" if past.lift_note else ""
    return Answer(f"{why}, until {when(past.lifted_at)}{note}", [("The suppression, lifted since", past)])


def _paused(delivery: Delivery, end: datetime) -> Answer | None:
    asked = _last_of(delivery, (What.PAUSED,), end)
    if asked is not None:
        return Answer(moment_in_words(asked), _subscription(delivery))
    row = delivery.recipient.subscriptions.filter(list=delivery.mailing.list).exclude(paused_until=None).first()
    return Answer(f"paused until {when(row.paused_until)}", _subscription(delivery)) if row else None


def _last_of(delivery: Delivery, kinds: Iterable[What], end: datetime) -> Moment | None:
    """The last change of these kinds that the person made on the mailing's list before the end."""
    made = [moment for moment in history_of(delivery.recipient) if moment.list == delivery.mailing.list]
    return next((moment for moment in reversed(made) if moment.what in kinds and moment.at <= end), None)


def _subscription(delivery: Delivery) -> list[tuple[str, Model]]:
    rows = delivery.recipient.subscriptions.filter(list=delivery.mailing.list)
    return [("The subscription", row) for row in rows.select_related("recipient", "list")]


def _failed(delivery: Delivery, now: datetime) -> Answer:
    reason = reason_in_words(delivery) or "no reason was recorded"
    said = f": “{server_answer(delivery)}”" if server_answer(delivery) else ""
    tried = f" after {count_of(delivery.attempts, 'attempt')}" if delivery.attempts > 1 else ""
    last = delivery.failed_attempts.order_by("-pk").first()
    at = f" on {when_exactly(last.at)}" if last else ""
    held = Suppression.objects.effective(now).filter(email=delivery.recipient.email)
    return Answer(f"Failed{at}{tried}: {reason}{said}.", [("The suppression since then", row) for row in held])


def _came_back(delivery: Delivery, now: datetime) -> Answer:
    plain = "it came back" if delivery.status == Status.BOUNCED else "the person marked it as spam"
    left = f"It was sent on {when_exactly(delivery.sent_at)}" if delivery.sent_at else "It left"
    sent = f"{left}, and {reason_in_words(delivery) or plain}"
    report = came_back(delivery)
    said = f" (“{server_answer(delivery)}”)" if server_answer(delivery) else ""
    told = f"; that was told on {when(report.at)}" if report else ""
    held = Suppression.objects.effective(now).filter(email=delivery.recipient.email)
    evidence: list[tuple[str, Model]] = [("The report", report)] if report else []
    return Answer(f"{sent}{said}{told}.", [*evidence, *(("The suppression since then", row) for row in held)])


def _cancelled(delivery: Delivery, now: datetime) -> Answer:
    why = delivery.mailing.reason or reason_in_words(delivery)
    return Answer(f"Cancelled before it left{f': {why}' if why else ''}.")


def _lowered(sentence: str) -> str:
    return f"{sentence[0].lower()}{sentence[1:]}"
