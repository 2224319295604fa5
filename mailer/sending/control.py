"""What staff do to a mailing that runs and to mails that did not go out: pause, resume, cancel, retry, decide.

Everything here is a conditional update that may be done twice and beside running workers; the mailing's sums change in
the transaction that changes its rows. The caller wakes the workers, after the commit.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from django.db import transaction
from django.db.models import Case, F, Value, When

from mailer.audience.suppressions import lift_all
from mailer.models import Attempt, Delivery, Mailing, MailingFigures, Recipient, Suppression
from mailer.models.deliveries import DeliveryQuerySet
from mailer.sending.record import finish_mailing

#: How many deliveries are changed in one transaction.
STEP = 5_000
_MAY_GO_ON = (Mailing.Status.SENDING, Mailing.Status.PAUSED, Mailing.Status.DONE)


@dataclass(frozen=True)
class Decider:
    """Who decides, by the name that stays in the log, and when."""

    name: str
    now: datetime


def pause_mailing(mailing_id: int) -> bool:
    """Let a mailing that is being sent wait. Returns whether it was one.

    Workers ask every second or so; then they end the mails in hand and give the rest back.
    """
    sending = Mailing.objects.filter(pk=mailing_id, status=Mailing.Status.SENDING)
    return sending.update(status=Mailing.Status.PAUSED) == 1


def resume_mailing(mailing_id: int, now: datetime) -> bool:
    """Let a paused mailing go on, or end if nothing of it waits. Returns whether it was paused."""
    paused = Mailing.objects.filter(pk=mailing_id, status=Mailing.Status.PAUSED)
    if not paused.update(status=Mailing.Status.SENDING):
        return False
    finish_mailing(mailing_id, now)
    return True


def cancel_mailing(mailing_id: int, decider: Decider) -> bool:
    """Let nothing more of an open mailing leave; mails in hand come to their end. Returns whether it was open.

    From now on no worker takes a row of it. The rows follow by `finish_mailing`, in steps, because there may be a
    million of them; only then the mailing has a time at which it finished. What was not planned yet never will be.
    """
    with transaction.atomic():
        mailing = Mailing.objects.open().select_for_update(of=("self",)).filter(pk=mailing_id).first()
        if mailing is None:
            return False
        reasons = [mailing.reason, f"cancelled by {decider.name}"]
        mailing.reason = "; ".join(reason for reason in reasons if reason)[:300]
        mailing.status, mailing.has_more = Mailing.Status.CANCELLED, False
        mailing.save(update_fields=["status", "has_more", "reason"])
    return True


def retry_failed(ids: Iterable[int], decider: Decider, lift: bool = False) -> Counter[int]:
    """Put failed deliveries back into the queue, with the whole retry table before them.

    Others of the ids, and those of a cancelled mailing, stay as they are. With `lift` the suppressions go that the mail
    server's refusals made; without it a suppressed person's mail will be skipped. Returns how many of which mailing.
    """
    return _send_again(ids, Delivery.Status.FAILED, Attempt.Decision.RETRIED, decider, lift)


def decide_uncertain(ids: Iterable[int], resend: bool, decider: Decider) -> Counter[int]:
    """Send uncertain deliveries once more, under the same Message-ID, or let them be.

    One that was let be can still be sent later; letting it be once more changes nothing. Returns how many of which
    mailing.
    """
    if resend:
        return _send_again(ids, Delivery.Status.UNCERTAIN, Attempt.Decision.RESENT, decider, lift=False)
    undecided = Delivery.objects.filter(status=Delivery.Status.UNCERTAIN).exclude(reason=Delivery.Reason.LET_BE)
    done: Counter[int] = Counter()
    for mailing_id, group in _by_mailing(ids):
        with transaction.atomic():
            taken = _take(undecided.filter(mailing=mailing_id, pk__in=group))
            Delivery.objects.filter(pk__in=taken).update(reason=Delivery.Reason.LET_BE)
            _tell(taken, Attempt.Decision.LET_BE, decider)
            # The one change of a reason that no sum shows.
            MailingFigures.objects.filter(pk=mailing_id).update(is_stale=True)
        done[mailing_id] += len(taken)
    return +done


def may_go_on(mailing: Mailing) -> bool:
    """Whether what failed of it may be sent after all; what was cancelled, skipped or missed stays so."""
    return mailing.status in _MAY_GO_ON


def failed_of(mailing_id: int, reason: str = "") -> Iterator[list[int]]:
    """The ids of the mailing's failed deliveries, of one reason if it is named, in steps and each once.

    A delivery that is retried meanwhile and fails again is not met a second time.
    """
    of_mailing = Delivery.objects.ended_otherwise().filter(mailing=mailing_id, status=Delivery.Status.FAILED)
    failed = of_mailing.order_by("recipient_id")
    if reason:
        failed = failed.filter(reason=reason)
    after = 0
    while rows := list(failed.filter(recipient_id__gt=after).values_list("recipient_id", "pk")[:STEP]):
        yield [pk for _, pk in rows]
        after = rows[-1][0]


def _send_again(
    ids: Iterable[int], was: Delivery.Status, decision: Attempt.Decision, decider: Decider, lift: bool
) -> Counter[int]:
    done: Counter[int] = Counter()
    for mailing_id, group in _by_mailing(ids):
        with transaction.atomic():
            taken = _take(Delivery.objects.filter(mailing=mailing_id, status=was, pk__in=group))
            if not taken or not _reopen(mailing_id, was, len(taken)):
                continue  # nothing is changed yet
            _queue(taken, decider.now)
            _tell(taken, decision, decider)
            if lift:
                _lift_suppressions(taken, decider)
        done[mailing_id] += len(taken)
    return done


def _by_mailing(ids: Iterable[int]) -> Iterator[tuple[int, list[int]]]:
    """The deliveries that there are, in groups of one mailing and at most STEP."""
    remaining = iter(ids)
    while step := list(islice(remaining, STEP)):
        groups: defaultdict[int, list[int]] = defaultdict(list)
        for pk, mailing_id in Delivery.objects.filter(pk__in=step).order_by("pk").values_list("pk", "mailing_id"):
            groups[mailing_id].append(pk)
        yield from groups.items()


def _take(rows: DeliveryQuerySet) -> list[int]:
    """Lock the rows, before the mailing as `record` does, or two transactions could wait for each other."""
    return list(rows.select_for_update().order_by("pk").values_list("pk", flat=True))


def _reopen(mailing_id: int, was: Delivery.Status, count: int) -> bool:
    """Take the deliveries out of the mailing's sum of this state, and let it go on. Returns whether it may."""
    status = Mailing.Status
    going_on = Case(When(status=status.DONE, then=Value(status.SENDING)), default=F("status"))
    mailing = Mailing.objects.filter(pk=mailing_id, status__in=_MAY_GO_ON)
    return mailing.update(**{was: F(was) - count}, status=going_on, finished_at=None) == 1


def _queue(ids: list[int], now: datetime) -> None:
    """As if they had never been tried; what was tried stands in their story."""
    Delivery.objects.filter(pk__in=ids).update(
        status=Delivery.Status.QUEUED,
        reason="",
        attempts=0,
        next_attempt_at=now,
        smtp_code=None,
        smtp_text="",
    )


def _tell(ids: list[int], decision: Attempt.Decision, decider: Decider) -> None:
    name = decider.name[:150]
    Attempt.objects.bulk_create(
        [Attempt(delivery_id=pk, at=decider.now, outcome=decision, by=name) for pk in ids], batch_size=1_000
    )


def _lift_suppressions(ids: list[int], decider: Decider) -> None:
    """Only those that a refusal made: a complaint, or what staff wrote down by hand, is lifted on its own page."""
    people = Recipient.objects.filter(deliveries__in=ids)
    refused = Suppression.objects.filter(reason=Suppression.Reason.HARD_BOUNCE, email__in=people.values("email"))
    lift_all(refused, f"To send the mail again, by {decider.name}.", decider.now)
