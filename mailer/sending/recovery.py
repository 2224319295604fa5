"""Brings back what dead workers held: from their journals, and where these are gone too, by their leases."""

import logging
from collections import defaultdict
from datetime import datetime, timedelta
from pathlib import Path

from django.db import transaction

from mailer.models import Delivery
from mailer.sending.claim import release
from mailer.sending.journal import Entries, dead_journal, journals
from mailer.sending.outcomes import Kind, Outcome
from mailer.sending.record import Settled, reconcile, record

logger = logging.getLogger(__name__)

#: How long after its lease a delivery waits for a journal before it is called uncertain.
GRACE = timedelta(minutes=2)


def recover_journals(folder: Path, now: datetime) -> int:
    """Replay the journals of dead workers on this host. Returns how many deliveries they still held."""
    return sum(_replay(path, now) for path in journals(folder))


def give_up_abandoned(now: datetime) -> int:
    """Deliveries whose lease is long over, and whose journal nobody has found: in flight or not, nobody can say."""
    abandoned = Delivery.objects.abandoned(now - GRACE).values_list("mailing_id", "pk", "leased_until")[:10_000]
    by_mailing: defaultdict[int, list[Settled]] = defaultdict(list)
    for mailing_id, pk, lease in abandoned:
        if lease is not None:
            by_mailing[mailing_id].append(Settled(_lost(pk), now, lease))
    for mailing_id, entries in by_mailing.items():
        logger.error(
            "Mailing %s: %d mails are uncertain, their worker and its journal are lost", mailing_id, len(entries)
        )
        record(mailing_id, entries)
    return sum(map(len, by_mailing.values()))


def _replay(path: Path, now: datetime) -> int:
    with dead_journal(path) as entries:
        if entries is None or not entries.leases:
            return 0
        by_mailing: defaultdict[int, list[Settled]] = defaultdict(list)
        for mailing_id, pk in Delivery.objects.filter(pk__in=entries.leases).values_list("mailing_id", "pk"):
            by_mailing[mailing_id] += _settled(entries, pk, now)
        with transaction.atomic():
            done = [record(mailing_id, settled) for mailing_id, settled in by_mailing.items()]
            released = release({pk: entries.leases[pk] for pk in entries.untouched()})
            for mailing_id in by_mailing:
                reconcile(mailing_id)
        recovered = sum(sum(counts.values()) for counts in done)
        logger.warning(
            "A worker died: %d outcomes were recovered from its journal, %d mails in flight are uncertain, %d go back",
            recovered, sum(counts["uncertain"] for counts in done), released,
        )  # fmt: skip
        return recovered + released


def _settled(entries: Entries, pk: int, now: datetime) -> list[Settled]:
    if pk in entries.outcomes:
        outcome, at = entries.outcomes[pk]
        return [Settled(outcome, at, entries.leases[pk])]
    return [Settled(_lost(pk), now, entries.leases[pk])] if pk in entries.in_flight() else []


def _lost(pk: int) -> Outcome:
    return Outcome(pk, Kind.UNCERTAIN, reason=Delivery.Reason.WORKER_LOST)
