"""The story of one mail in words: what was tried, what the mail server said, how it ended."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Model
from django_celery_results.models import TaskResult

from mailer.audience.history import LEFT, history_of
from mailer.insight.outcomes import lateness
from mailer.insight.words import count_of, when, when_exactly
from mailer.models import Attempt, Claim, Delivery, Return, Subscription, Suppression

#: The states of mails that came back.
CAME_BACK = (Delivery.Status.BOUNCED, Delivery.Status.COMPLAINED)
#: No story tells of more attempts and decisions; each retry by staff begins a new round of nine.
MOST_TOLD = 200


@dataclass(frozen=True)
class Step:
    """A line of a mail's story."""

    at: datetime | None  #: None where nobody wrote down when
    words: str
    look: str = "calm"  #: good, bad, warn, busy or calm
    answer: str = ""  #: what the mail server said
    about: Model | None = None  #: what there is to read of it


def time_line(delivery: Delivery, batch: TaskResult | None) -> list[Step]:
    """All that happened to the mail, in its order: planned, begun, each attempt and decision, how it stands."""
    attempts = delivery.failed_attempts.order_by("-id")[:MOST_TOLD]
    told = [*_planned(delivery), *_tried(list(reversed(attempts)))]
    return [*told, *_now(delivery, batch, told)]


def what_happened(delivery: Delivery) -> str:
    """One sentence: the state, the reason, and what comes next if anything does."""
    told = {
        Delivery.Status.QUEUED: _waiting,
        Delivery.Status.SENT: _sent,
        Delivery.Status.UNCERTAIN: _uncertain,
        Delivery.Status.BOUNCED: _came_back,
        Delivery.Status.COMPLAINED: _came_back,
    }.get(Delivery.Status(delivery.status))
    return told(delivery) if told else _ended(delivery)


def server_answer(delivery: Delivery) -> str:
    """`550 5.1.1 No such user`, or nothing where no server was asked; of a mail that came back, what came back."""
    back = came_back(delivery)
    return back.answer if back else _taken_with(delivery)


def came_back(delivery: Delivery) -> Return | None:
    """The report that made the delivery what it is, if one did. Who shows many has prefetched `returns`."""
    if delivery.status not in CAME_BACK:
        return None
    made = (row for row in delivery.returns.all() if Return.REASONS.get(row.outcome) == delivery.reason)
    return next(made, None)


def reason_in_words(delivery: Delivery) -> str:
    """Why it is not simply sent; nothing if it is."""
    return str(Delivery.Reason(delivery.reason).label) if delivery.reason else ""


def _planned(delivery: Delivery) -> Iterator[Step]:
    mailing = delivery.mailing
    by = f" by {mailing.created_by}" if mailing.created_by else ""
    yield Step(mailing.created_at, f"The mailing was made{by}, to go {when(mailing.scheduled_for)}.", about=mailing)
    if late := lateness(mailing):
        yield Step(mailing.started_at, f"The mailing began, {late}.")


def _tried(attempts: list[Attempt]) -> Iterator[Step]:
    number = 0
    for attempt in attempts:
        answer = f"{attempt.smtp_code or ''} {attempt.smtp_text}".strip()
        if attempt.is_decision:
            yield Step(attempt.at, f"{attempt.by or 'Somebody'}: {attempt.in_words}.", "busy")
            continue
        number += 1
        look = "warn" if attempt.outcome in ("temporary", "uncertain") else "bad"
        yield Step(attempt.at, f"Attempt {number}: {attempt.in_words}.", look, answer)


def _now(delivery: Delivery, batch: TaskResult | None, told: list[Step]) -> Iterator[Step]:
    """How it ended, or what comes next."""
    status = Delivery.Status(delivery.status)
    if delivery.sent_at is not None:
        number = 1 + sum(step.words.startswith("Attempt ") for step in told)
        words = f"Attempt {number}: the mail server took it."
        yield Step(delivery.sent_at, words, "good", _taken_with(delivery), batch)
    if status in (*CAME_BACK, Delivery.Status.SENT, Delivery.Status.UNCERTAIN):
        yield from _returned(delivery)
    if status in CAME_BACK and not delivery.returns.all():
        yield Step(None, _ended(delivery), "bad")
    elif status == Delivery.Status.SKIPPED:
        yield from _causes(delivery, batch)
        yield Step(batch.date_done if batch else None, _ended(delivery), "calm", about=batch)
    elif status == Delivery.Status.CANCELLED:
        yield Step(delivery.mailing.finished_at, _ended(delivery))
    elif status == Delivery.Status.FAILED:
        yield Step(None, f"Not tried again: {_reason(delivery)}.", "bad", about=batch)
    elif status == Delivery.Status.UNCERTAIN and delivery.reason != Delivery.Reason.LET_BE:
        yield Step(None, "Nobody can say whether it arrived. It waits for your decision.", "warn", about=batch)
    elif status == Delivery.Status.QUEUED:
        waits_for_limit = delivery.reason == Delivery.Reason.PACED  # nobody knows when its turn is
        yield Step(None if waits_for_limit else delivery.next_attempt_at, _waiting(delivery), "busy")


def _returned(delivery: Delivery) -> Iterator[Step]:
    """Each report on the mail, as it came."""
    rows = sorted(delivery.returns.all(), key=lambda row: (row.at, row.pk))
    for row in rows:
        look = "bad" if row.outcome in Return.REASONS else "warn"
        other = " It names another address, to which the mail was forwarded." if row.names_other else ""
        words = f"A report came by {row.get_source_display()}: {row.get_outcome_display()}.{other}"
        yield Step(row.at, words, look, row.answer)


def _causes(delivery: Delivery, batch: TaskResult | None) -> Iterator[Step]:
    """What the reason for skipping it goes back to, if that still stands there."""
    until = batch.date_done if batch else delivery.mailing.finished_at
    person = delivery.person
    if person is None or until is None:
        return
    if delivery.reason == Delivery.Reason.SUPPRESSED:
        for found in Suppression.objects.filter(email=person.email, created_at__lte=until):
            yield Step(found.created_at, f"The address was suppressed: {found.get_reason_display()}.", about=found)
    if delivery.reason == Delivery.Reason.UNSUBSCRIBED:
        here = [moment for moment in history_of(person) if moment.list == delivery.mailing.list and moment.at <= until]
        for left in [moment for moment in here if moment.what in LEFT][-1:]:
            row = Subscription.objects.filter(recipient=person, list=left.list).first()
            by = f": {left.source}" if left.source else ""
            yield Step(left.at, f"The person left the list{by}.", about=row)


def _waiting(delivery: Delivery) -> str:
    claim = Claim.objects.covering(delivery.mailing_id, delivery.pk, delivery.pk).first()
    if claim is not None:
        return f"A worker has it in hand; if that worker dies it is taken back {when_exactly(claim.until)}."
    if delivery.reason == Delivery.Reason.PACED:
        return "Waits for its turn: no more mails may leave just now by a sending limit."
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


def _came_back(delivery: Delivery) -> str:
    return f"Sent {when_exactly(delivery.sent_at)}, and {_reason(delivery)}." if delivery.sent_at else _ended(delivery)


def _taken_with(delivery: Delivery) -> str:
    """What the mail server said when it was handed the mail."""
    return f"{delivery.smtp_code or ''} {delivery.smtp_text}".strip()


def _ended(delivery: Delivery) -> str:
    tried = f" after {count_of(delivery.attempts, 'attempt')}" if delivery.attempts else ""
    return f"{delivery.get_status_display()}{tried}: {_reason(delivery)}."


def _reason(delivery: Delivery) -> str:
    return reason_in_words(delivery) or "no reason was recorded"
