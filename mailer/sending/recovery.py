"""Brings back what dead workers held: from their journals, and where these are gone too, when their claims are over."""

import logging
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

from django.db import transaction

from mailer.models import Claim, Delivery, Mailing
from mailer.sending.journal import Entries, dead_journal, journals
from mailer.sending.notes import settle
from mailer.sending.outcomes import Kind, Outcome
from mailer.sending.record import reconcile, record

logger = logging.getLogger(__name__)

#: How long after its claim's time a delivery waits for a journal before it is called uncertain.
GRACE = timedelta(minutes=2)


def recover_journals(folder: Path, now: datetime) -> int:
    """Replay the journals of dead workers on this host. Returns how many deliveries they still held."""
    return sum(_replay(path, now) for path in journals(folder))


def give_up_abandoned(now: datetime) -> int:
    """Claims whose time is long over, and whose journal nobody has found: in flight or not, nobody can say.

    Returns how many deliveries are uncertain therefore.
    """
    return sum(_give_up(claim, now) for claim in Claim.objects.abandoned(now - GRACE)[:1_000])


def _give_up(claim: Claim, now: datetime) -> int:
    held = Delivery.objects.held(claim).values_list("pk", flat=True)
    done = record(claim.mailing_id, [settle(_lost(pk), now, claim) for pk in held], ended=[claim])
    if done:
        logger.error(
            "Mailing %s: %d mails are uncertain, their worker and its journal are lost",
            claim.mailing_id, done["uncertain"],
        )  # fmt: skip
    return done["uncertain"]


def _replay(path: Path, now: datetime) -> int:
    with dead_journal(path) as entries:
        if entries is None or not entries.claims:
            return 0
        with transaction.atomic():
            done = [_settle(claim, entries, now) for claim in entries.claims]
            touched = {claim.mailing_id for claim in entries.claims}
            for mailing_id in Mailing.objects.filter(pk__in=touched).values_list("pk", flat=True):
                reconcile(mailing_id)
        counts = sum(done, Counter[str]())
        logger.warning(
            "A worker died: %d outcomes were recovered from its journal, %d mails in flight are uncertain, %d go back",
            counts.total() - counts["uncertain"] - counts["back"], counts["uncertain"], counts["back"],
        )  # fmt: skip
        return counts.total()


def _settle(claim: Claim, entries: Entries, now: datetime) -> Counter[str]:
    """Record what the journal says of the claim's deliveries, and give the others back."""
    ours = range(claim.first, claim.last + 1)
    known = [settle(outcome, at, claim) for pk, (outcome, at) in entries.outcomes.items() if pk in ours]
    doubtful = entries.in_flight() if entries.trusted else _unanswered(claim, entries)
    lost = [settle(_lost(pk), now, claim) for pk in doubtful if pk in ours]
    was_alive = Claim.objects.filter(pk=claim.pk).exists()
    done = record(claim.mailing_id, [*known, *lost], ended=[claim])
    if was_alive:
        done["back"] = Delivery.objects.held(claim).count()
    elif entries.trusted:
        done["back"] = _take_back(claim, entries.started)
    return done


def _unanswered(claim: Claim, entries: Entries) -> set[int]:
    return set(Delivery.objects.held(claim).values_list("pk", flat=True)) - entries.outcomes.keys()


def _take_back(claim: Claim, started: set[int]) -> int:
    """Deliveries that were given up with the claim, and of which it is now known that they were never begun."""
    given_up = Delivery.objects.lost(claim).exclude(pk__in=started)
    return given_up.update(status=Delivery.Status.QUEUED, reason=Delivery.Reason.NONE)


def _lost(pk: int) -> Outcome:
    return Outcome(pk, Kind.UNCERTAIN, reason=Delivery.Reason.WORKER_LOST)
