"""Writes outcomes to the database in groups: deliveries, attempts, suppressions and the mailing's sums in one go."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import datetime
from itertools import chain

from django.db import connection, transaction
from django.db.models import Count
from django.utils import timezone

from mailer.audience.suppressions import suppress
from mailer.models import Attempt, Claim, Delivery, EventType, Mailing, Suppression
from mailer.models.outbox import tell_of_deliveries, tell_of_mailing
from mailer.models.sums import FINAL
from mailer.sending.cancelling import cancel_waiting
from mailer.sending.claim import Range, lock, release
from mailer.sending.holding import hold
from mailer.sending.notes import Settled
from mailer.sending.outcomes import Kind, judge
from mailer.sending.promptness import promptness
from mailer.sending.tallies import tally

_SENT = """
UPDATE mailer_delivery SET status = 'sent', reason = '', attempts = attempts + 1, next_attempt_at = NULL,
  task_id = %(task)s, sent_at = settled.at, smtp_code = settled.code, smtp_text = SUBSTR(settled.text, 1, 255)
FROM {settled}
WHERE mailer_delivery.id = settled.id AND {held}
"""
_SETTLED = {
    "postgresql": """(SELECT (row->>0)::bigint AS id, (row->>1)::int AS code, row->>2 AS text,
        (row->>3)::timestamp AT TIME ZONE 'UTC' AS at FROM jsonb_array_elements(%(rows)s::jsonb) AS row) AS settled""",
    "sqlite": """(SELECT value->>0 AS id, value->>1 AS code, value->>2 AS text, value->>3 AS at
        FROM json_each(%(rows)s)) AS settled""",
}
_ADD = "UPDATE mailer_mailing SET {added} WHERE id = %s"
_HELD = "mailer_delivery.status = 'queued'"
_LOST = (
    "mailer_delivery.status = 'uncertain' AND mailer_delivery.reason IN ('worker_lost', 'let_be')"
    " AND mailer_delivery.task_id = %(task)s"
)


def record(mailing_id: int, settled: Iterable[Settled], ended: Iterable[Claim] = ()) -> Counter[str]:
    """Write the outcomes of one mailing's deliveries, all of one run, and end the claims of which nothing is left.

    Returns how many are in which status now. Doing it again changes nothing: only what is still held is written, or
    what was given up because the run seemed to be lost.
    """
    by_kind: defaultdict[Kind, list[Settled]] = defaultdict(list)
    for entry in settled:
        by_kind[entry.outcome.kind].append(entry)
    done: Counter[str] = Counter()
    with transaction.atomic():
        alive = lock({entry.claim.id for entries in by_kind.values() for entry in entries})
        sent = by_kind.pop(Kind.SENT, [])
        done.update(_record_sent(sent, alive))
        # Of those that were written before, nearly never any, one can't be told from another here.
        accepted = sent[: done["sent"]]
        done.update(_record_skipped(by_kind.pop(Kind.SKIPPED, []), alive))
        done["held"] += _record_held(mailing_id, by_kind.pop(Kind.HELD, []), alive)
        failed = []
        for entry in chain.from_iterable(by_kind.values()):
            counted = _record_failure(entry, entry.claim.id in alive)
            done.update(counted)
            failed += [entry.outcome.delivery_id] * counted["failed"]
        tell_of_deliveries(EventType.DELIVERY_FAILED, failed, timezone.now())
        _add_to_sums(mailing_id, done, accepted)
        release([claim.id for claim in ended])
    return done


def finish_mailing(mailing_id: int, now: datetime, seen: Range | None = None) -> bool:
    """Close the mailing if none of its deliveries is open; its sums are counted again. Returns whether it closed.

    If it was cancelled, what waits of it is cancelled first; by a run, only what it has `seen`, or all workers would
    be busy with a million rows at once, and nobody would be left to send.
    """
    cancel_waiting(mailing_id, seen)
    if Delivery.objects.open().filter(mailing=mailing_id).exists():
        return False  # as after nearly every run: nobody who records has to wait for us
    ends = {Mailing.Status.SENDING: Mailing.Status.DONE, Mailing.Status.CANCELLED: Mailing.Status.CANCELLED}
    with transaction.atomic():
        mailing = Mailing.objects.select_for_update(of=("self",)).get(pk=mailing_id)
        end = ends.get(Mailing.Status(mailing.status))
        undone = mailing.has_more or mailing.deliveries.open().exists()
        if end is None or mailing.finished_at is not None or undone:
            return False
        count_again(mailing)
        mailing.status, mailing.finished_at = end, now
        mailing.first_finished_at = mailing.first_finished_at or now
        mailing.save()
        tell_of_mailing(mailing)
    return True


def reconcile(mailing_id: int) -> None:
    """Count the mailing's sums again, and open it again if a delivery has come back to its queue."""
    with transaction.atomic():
        mailing = Mailing.objects.select_for_update(of=("self",)).get(pk=mailing_id)
        count_again(mailing)
        if mailing.final and mailing.deliveries.open().exists():
            mailing.finished_at = None  # a cancelled one is closed again by the tick
            if mailing.status == Mailing.Status.DONE:
                mailing.status = Mailing.Status.SENDING
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


def _record_sent(entries: list[Settled], alive: set[int]) -> Counter[str]:
    held = [entry for entry in entries if entry.claim.id in alive]
    done = Counter({Delivery.Status.SENT.value: _update_sent(held, _HELD)})
    if len(held) < len(entries):
        # Given up as lost with their worker before it could tell; now it is known that they were sent.
        late = _update_sent([entry for entry in entries if entry.claim.id not in alive], _LOST)
        done.update({"sent": late, "uncertain": -late})
    return done


def _update_sent(entries: list[Settled], held: str) -> int:
    if not entries:
        return 0
    task = entries[0].claim.task_id
    values = {
        "rows": f"[{', '.join([entry.note for entry in entries])}]",
        "task": task if connection.vendor == "postgresql" else task.hex,
    }
    with connection.cursor() as cursor:
        cursor.execute(_SENT.format(settled=_SETTLED[connection.vendor], held=held), values)
        return int(cursor.rowcount)


def _record_skipped(entries: list[Settled], alive: set[int]) -> Counter[str]:
    by_reason: defaultdict[tuple[str, Claim], list[int]] = defaultdict(list)
    for outcome, _, claim, _ in entries:
        if claim.id in alive:
            by_reason[outcome.reason, claim].append(outcome.delivery_id)
    done: Counter[str] = Counter()
    for (reason, claim), ids in by_reason.items():
        held = Delivery.objects.held(claim).filter(pk__in=ids)
        done["skipped"] += held.update(
            status=Delivery.Status.SKIPPED, reason=reason, next_attempt_at=None, task_id=claim.task_id
        )
    return done


def _record_held(mailing_id: int, entries: list[Settled], alive: set[int]) -> int:
    by_domain: defaultdict[str, list[int]] = defaultdict(list)
    for outcome, _, claim, _ in entries:
        if claim.id in alive:
            by_domain[outcome.text].append(outcome.delivery_id)
    return hold(mailing_id, by_domain, entries[0].at) if by_domain else 0


def _record_failure(entry: Settled, is_alive: bool) -> Counter[str]:
    outcome, claim = entry.outcome, entry.claim
    rows = Delivery.objects.held(claim) if is_alive else Delivery.objects.lost(claim)
    held = rows.filter(pk=outcome.delivery_id)
    found = held.select_for_update(of=("self",)).values_list("attempts", "status", "recipient__email").first()
    if found is None:
        return Counter()
    attempts, status, email = found
    if status == outcome.kind:
        return Counter()  # uncertain already, by its claim's time alone
    verdict = judge(outcome, attempts + 1)
    held.update(
        status=verdict.status,
        reason=verdict.reason,
        attempts=attempts + 1,
        task_id=claim.task_id,  # by it a journal that turns up later can still be believed
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
        suppress(Suppression(email=email, reason=Suppression.Reason.HARD_BOUNCE, note=note), entry.at)
    done = Counter({"retry" if verdict.retry_in else verdict.status.value: 1})
    if status == Delivery.Status.UNCERTAIN:
        done["uncertain"] -= 1
    return done


def _add_to_sums(mailing_id: int, done: Counter[str], accepted: list[Settled]) -> None:
    changed = [(number, name) for name in FINAL if (number := done[name])]
    if changed:
        added = ", ".join(f"{name} = {name} + {number:d}" for number, name in changed)
        with connection.cursor() as cursor:
            cursor.execute(_ADD.format(added=added), [mailing_id])
    prompt = promptness(accepted[0].claim.mailing, [entry.at for entry in accepted]) if accepted else None
    tally(done, timezone.now(), prompt)
