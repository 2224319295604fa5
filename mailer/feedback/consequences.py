"""What a report does to the delivery, to the address, to the person's word and to the mailing."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import F

from mailer.audience.consent import Word
from mailer.audience.suppressions import suppress
from mailer.feedback.alarm import raise_alarm_if_due
from mailer.feedback.scores import add_to_score
from mailer.feedback.unsubscribes import unsubscribe_recipient
from mailer.models import Delivery, EventType, Mailing, MailingFigures, Recipient, Return, Suppression
from mailer.models.outbox import tell_of_deliveries

Status, Outcome = Delivery.Status, Return.Outcome


def follow_from(kept: Return, person: Recipient | None, now: datetime) -> None:
    """Do what follows from a report that was just kept, within its transaction; `person` is None if they were erased.

    In the order in which `record` locks: the delivery, the address, the mailing.
    """
    outcome = Outcome(kept.outcome)
    if outcome not in Return.REASONS:
        return
    was = Status(kept.delivery.status)
    is_first = was in (Status.SENT, Status.UNCERTAIN)
    changes = is_first or (was == Status.BOUNCED and outcome in (Outcome.GONE, Outcome.COMPLAINT))
    if changes:
        _end(kept.delivery, outcome)
    if person is not None:
        _judge(kept, person, is_first, now)
    if changes:
        _add_up(kept.delivery.mailing_id, was, is_first)
        if outcome != Outcome.COMPLAINT:
            tell_of_deliveries(EventType.DELIVERY_BOUNCED, [kept.delivery_id], now)
    if is_first:
        raise_alarm_if_due(kept.delivery.mailing_id, now)


def _end(delivery: Delivery, outcome: Return.Outcome) -> None:
    status = Status.COMPLAINED if outcome == Outcome.COMPLAINT else Status.BOUNCED
    Delivery.objects.filter(pk=delivery.pk).update(status=status, reason=Return.REASONS[outcome])


def _judge(kept: Return, person: Recipient, is_first: bool, now: datetime) -> None:
    """What it means for the address. That we are blocked is our own fault: nobody suffers for it."""
    outcome = Outcome(kept.outcome)
    if outcome == Outcome.GONE:
        _suppress(person, Suppression.Reason.HARD_BOUNCE, kept, now)
    elif outcome == Outcome.COMPLAINT:
        list_id = kept.delivery.mailing.list_id
        if list_id is not None:
            word = Word("a complaint: they marked a mail as spam", now, is_complaint=True)
            unsubscribe_recipient(list_id, person.pk, word)
        _suppress(person, Suppression.Reason.COMPLAINT, kept, now)
    elif outcome in (Outcome.TEMPORARY, Outcome.UNKNOWN) and is_first:
        score = add_to_score(person, kept.delivery, now)
        if score >= settings.BOUNCE_SCORE_LIMIT:
            _suppress(person, Suppression.Reason.SOFT_BOUNCES, kept, now)


def _suppress(person: Recipient, reason: Suppression.Reason, kept: Return, now: datetime) -> None:
    rest = timedelta(days=settings.BOUNCE_REST_DAYS) if reason == Suppression.Reason.SOFT_BOUNCES else None
    until = now + rest if rest else None
    suppress(Suppression(email=person.email, reason=reason, note=kept.answer[:500], expires_at=until), now)


def _add_up(mailing_id: int, was: Delivery.Status, is_first: bool) -> None:
    """Keep the mailing's sums true; a bounce that became a complaint is in the same one, so the figures are told."""
    if is_first:
        Mailing.objects.filter(pk=mailing_id).update(**{was.value: F(was.value) - 1, "bounced": F("bounced") + 1})
    else:
        MailingFigures.objects.filter(pk=mailing_id).update(is_stale=True)
