"""Writes outcomes to the database in groups: deliveries, attempts, suppressions and the mailing's sums in one go."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from django.db import connection, transaction
from django.db.models import Count, F

from mailer.models import Attempt, Delivery, Mailing, Suppression
from mailer.sending.outcomes import Kind, Outcome, judge

_SENT = """
UPDATE mailer_delivery SET status = 'sent', reason = '', attempts = attempts + 1,
  leased_until = NULL, next_attempt_at = NULL,
  sent_at = settled.at, smtp_code = settled.code, smtp_text = settled.text
FROM {settled}
WHERE mailer_delivery.id = settled.id AND mailer_delivery.leased_until = settled.lease AND {held}
"""
_SETTLED = {
    "postgresql": """(SELECT (row->>0)::bigint AS id, (row->>1)::int AS code, row->>2 AS text,
        (row->>3)::timestamptz AS at, (row->>4)::timestamptz AS lease
        FROM json_array_elements(%s::json) AS row) AS settled""",
    "sqlite": """(SELECT value->>0 AS id, value->>1 AS code, value->>2 AS text, value->>3 AS at, value->>4 AS lease
        FROM json_each(%s)) AS settled""",
}
_SENDING = "mailer_delivery.status = 'sending'"
_LOST = "mailer_delivery.status = 'uncertain' AND mailer_delivery.reason = 'worker_lost'"


@dataclass(frozen=True, slots=True)
class Settled:
    """An outcome, when it came, and until when the delivery was claimed: a later claim is another run's."""

    outcome: Outcome
    at: datetime
    lease: datetime


def record(mailing_id: int, settled: Iterable[Settled]) -> Counter[str]:
    """Write the outcomes of one mailing's deliveries. Returns how many are in which status now.

    Doing it again changes nothing: only what is still held under the same lease is written.
    """
    by_kind: defaultdict[Kind, list[Settled]] = defaultdict(list)
    for entry in settled:
        by_kind[entry.outcome.kind].append(entry)
    done: Counter[str] = Counter()
    with transaction.atomic():
        done.update(_record_sent(by_kind.pop(Kind.SENT, [])))
        done.update(_record_skipped(by_kind.pop(Kind.SKIPPED, [])))
        for entries in by_kind.values():
            for entry in entries:
                done.update(_record_failure(entry))
        _add_to_sums(mailing_id, done)
    return done


def finish_mailing(mailing_id: int, now: datetime) -> bool:
    """Close the mailing if none of its deliveries is open; its sums are counted again. Returns whether it closed."""
    with transaction.atomic():
        mailing = Mailing.objects.select_for_update(of=("self",)).get(pk=mailing_id)
        if mailing.status != Mailing.Status.SENDING or mailing.has_more or mailing.deliveries.open().exists():
            return False
        count_again(mailing)
        mailing.status, mailing.finished_at = Mailing.Status.DONE, now
        mailing.save()
    return True


def reconcile(mailing_id: int) -> None:
    """Count the mailing's sums again, and open it again if a delivery has come back to its queue."""
    with transaction.atomic():
        mailing = Mailing.objects.select_for_update(of=("self",)).get(pk=mailing_id)
        count_again(mailing)
        if mailing.status == Mailing.Status.DONE and mailing.deliveries.open().exists():
            mailing.status, mailing.finished_at = Mailing.Status.SENDING, None
        mailing.save()


def count_again(mailing: Mailing) -> None:
    """Set the mailing's sums from its deliveries; the caller saves it."""
    rows = mailing.deliveries.order_by().values_list("status").annotate(Count("pk"))
    counts: dict[str, int] = dict(rows)
    status = Delivery.Status
    mailing.planned = sum(counts.values())
    for name in (status.SENT, status.FAILED, status.SKIPPED, status.UNCERTAIN, status.CANCELLED):
        setattr(mailing, name, counts.get(name, 0))
    mailing.bounced = counts.get(status.BOUNCED, 0) + counts.get(status.COMPLAINED, 0)


def _record_sent(entries: list[Settled]) -> Counter[str]:
    done = Counter({Delivery.Status.SENT.value: _update_sent(entries, _SENDING)})
    if done["sent"] < len(entries):
        # Some were given up as lost with their worker before it could tell; now it is known that they were sent.
        late = _update_sent(entries, _LOST)
        done.update({"sent": late, "uncertain": -late})
    return done


def _update_sent(entries: list[Settled], held: str) -> int:
    if not entries:
        return 0
    adapt = cache(lambda moment: str(connection.ops.adapt_datetimefield_value(moment)))
    rows = [
        [
            entry.outcome.delivery_id,
            entry.outcome.code,
            entry.outcome.text[:255],
            adapt(entry.at),
            adapt(entry.lease),
        ]
        for entry in entries
    ]
    with connection.cursor() as cursor:
        cursor.execute(_SENT.format(settled=_SETTLED[connection.vendor], held=held), [json.dumps(rows)])
        return int(cursor.rowcount)


def _record_skipped(entries: list[Settled]) -> Counter[str]:
    by_reason: defaultdict[tuple[str, datetime], list[int]] = defaultdict(list)
    for entry in entries:
        by_reason[entry.outcome.reason, entry.lease].append(entry.outcome.delivery_id)
    done: Counter[str] = Counter()
    for (reason, lease), ids in by_reason.items():
        held = Delivery.objects.filter(pk__in=ids, leased_until=lease, status=Delivery.Status.SENDING)
        done["skipped"] += held.update(
            status=Delivery.Status.SKIPPED, reason=reason, leased_until=None, next_attempt_at=None
        )
    return done


def _record_failure(entry: Settled) -> Counter[str]:
    outcome = entry.outcome
    held = Delivery.objects.filter(pk=outcome.delivery_id, leased_until=entry.lease).held()
    found = held.select_for_update(of=("self",)).values_list("attempts", "status", "recipient__email").first()
    if found is None:
        return Counter()
    attempts, status, email = found
    if status == outcome.kind:
        return Counter()  # uncertain already, by its lease alone
    verdict = judge(outcome, attempts + 1)
    held.update(
        status=verdict.status,
        reason=verdict.reason,
        attempts=attempts + 1,
        # An uncertain delivery keeps its lease: by it a journal that turns up later can still be believed.
        leased_until=entry.lease if verdict.status == Delivery.Status.UNCERTAIN else None,
        next_attempt_at=entry.at + verdict.retry_in if verdict.retry_in else None,
        smtp_code=outcome.code,
        smtp_text=outcome.text[:255],
    )
    Attempt.objects.create(
        delivery_id=outcome.delivery_id,
        at=entry.at,
        outcome=outcome.kind,
        smtp_code=outcome.code,
        smtp_text=outcome.text[:500],
    )
    if verdict.suppress and email:
        note = f"{outcome.code} {outcome.text}"[:500]
        Suppression.objects.get_or_create(
            email=email, defaults={"reason": Suppression.Reason.HARD_BOUNCE, "note": note}
        )
    done = Counter({"retry" if verdict.retry_in else verdict.status.value: 1})
    if status == Delivery.Status.UNCERTAIN:
        done["uncertain"] -= 1
    return done


def _add_to_sums(mailing_id: int, done: Counter[str]) -> None:
    changed = {name: F(name) + number for name, number in done.items() if number and hasattr(Mailing, name)}
    if changed:
        Mailing.objects.filter(pk=mailing_id).update(**changed)
