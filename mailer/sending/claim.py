"""Takes deliveries for one run, so that no other run has them, and gives them back."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection, transaction

from mailer.models import Claim
from mailer.models.literals import listed
from mailer.sending.journal import Journal
from mailer.templating.contexts import Person

#: How long a claim holds. A worker that is alive begins no mail in the second half of it.
LEASE = timedelta(minutes=10)
#: One that a sending limit let go has its place for so long; after this, as after an outage, it asks for one again.
ADMISSION = timedelta(seconds=60)

# The first due deliveries, the ids between which their recipients are, and the first claim of others on any of them.
_DUE = """
SELECT due.first, due.last, due.first_person, due.last_person, claim.first, claim.last
FROM (
  SELECT MIN(id) AS first, MAX(id) AS last, MIN(recipient_id) AS first_person, MAX(recipient_id) AS last_person
  FROM (
    SELECT id, recipient_id FROM mailer_delivery
    WHERE mailing_id = %(mailing)s AND status = 'queued' AND id BETWEEN %(first)s AND %(last)s
      AND (next_attempt_at IS NULL OR next_attempt_at <= %(now)s)
      AND EXISTS (SELECT 1 FROM mailer_mailing WHERE id = %(mailing)s AND status = 'sending')
    ORDER BY id LIMIT %(size)s
  ) AS waiting
) AS due
LEFT JOIN mailer_claim AS claim
  ON claim.mailing_id = %(mailing)s AND claim.first <= due.last AND claim.last >= due.first
ORDER BY claim.first LIMIT 1
"""
# Whether somebody still is on the list and not suppressed is looked up now, right before sending. People are in the
# order of their deliveries: between two ids PostgreSQL reads one piece of each index, not a place for each of them.
_LOAD = """
SELECT delivery.id, recipient.id, recipient.email, recipient.name, recipient.attributes, recipient.language,
  subscription.status, subscription.paused_until, suppression.reason,
  delivery.reason = 'admitted' AND delivery.next_attempt_at > %(admitted)s
FROM mailer_delivery AS delivery
JOIN mailer_mailing AS mailing ON mailing.id = delivery.mailing_id
LEFT JOIN mailer_recipient AS recipient
  ON recipient.id = delivery.recipient_id AND recipient.id BETWEEN %(first_person)s AND %(last_person)s
LEFT JOIN mailer_subscription AS subscription
  ON subscription.list_id = mailing.list_id AND subscription.recipient_id = recipient.id
  AND subscription.recipient_id BETWEEN %(first_person)s AND %(last_person)s
LEFT JOIN mailer_suppression AS suppression
  ON suppression.email = recipient.email AND (suppression.expires_at IS NULL OR suppression.expires_at > %(now)s)
WHERE delivery.id BETWEEN %(first)s AND %(last)s AND {plus}delivery.mailing_id = %(mailing)s
  AND delivery.status = 'queued' AND (delivery.next_attempt_at IS NULL OR delivery.next_attempt_at <= %(now)s)
ORDER BY delivery.id
"""

# By hand, like what else is done once a group: through the ORM they take three to twelve times as long.
_LOCK = "SELECT id FROM mailer_claim WHERE id IN ({claims}){locked}"
_RELEASE = "DELETE FROM mailer_claim WHERE id IN ({claims})"

_HIGHEST_ID = 2**63 - 1


@dataclass(frozen=True)
class Range:
    """A mailing's deliveries between two ids, both included: what one task is asked to send."""

    mailing_id: int
    first: int
    last: int


class Claimed(NamedTuple):
    """A delivery that is ours to send, and what decides whether it is sent."""

    id: int
    claim: Claim
    person: Person | None  #: None if the recipient was erased
    suppressed: str | None = None
    subscription: str | None = None
    paused_until: datetime | None = None
    is_admitted: bool = False  #: a sending limit has let it go


class _FirstDue(NamedTuple):
    """What _DUE finds."""

    first: int
    last: int
    first_person: int
    last_person: int
    claimed_from: int | None  #: None, and the next too, if nobody else has any
    claimed_to: int


@dataclass(frozen=True)
class Run:
    """One execution of a task: who claims, and where that is noted."""

    task_id: UUID
    journal: Journal
    #: All its claims by id, also one whose answer was lost and that was made again.
    claims: dict[int, Claim] = field(default_factory=dict)


def claim(wanted: Range, size: int, now: datetime, run: Run) -> list[Claimed]:
    """Claim the first `size` due deliveries of the range that nobody has; none if the mailing has stopped.

    The journal knows of the claim before it is committed: a worker killed in between has claimed nothing.
    """
    with transaction.atomic():
        Claim.objects.wait_for_others(wanted.mailing_id)
        free = _find_free(wanted, size, now)
        if free is None:
            return []
        made = Claim.objects.create(
            mailing_id=wanted.mailing_id,
            first=free.first,
            last=free.last,
            made_at=now,
            until=now + LEASE,
            task_id=run.task_id,
        )
        run.journal.claimed(made)
        run.claims[made.pk] = made
    return _load(made, free.first_person, free.last_person)


def lock(claims: Collection[int]) -> set[int]:
    """Those of the claims, by id, that nobody has ended or given up; locked until the caller's transaction is over."""
    if not claims:
        return set()
    locked = " FOR UPDATE" if connection.features.has_select_for_update else ""
    with connection.cursor() as cursor:
        cursor.execute(_LOCK.format(claims=listed(claims), locked=locked))
        return {pk for (pk,) in cursor.fetchall()}


def release(claims: Collection[int]) -> None:
    """End the claims, by id: deliveries for which nothing is recorded are anybody's again."""
    if claims:
        with connection.cursor() as cursor:
            cursor.execute(_RELEASE.format(claims=listed(claims)))


def _find_free(wanted: Range, size: int, now: datetime) -> _FirstDue | None:
    """The first due deliveries without a claim."""
    first = wanted.first
    while due := _find_due(wanted, first, size, now):
        if due.claimed_from is None:
            return due
        if due.claimed_from > due.first:
            return due._replace(last=due.claimed_from - 1)
        first = due.claimed_to + 1
    return None


def _find_due(wanted: Range, first: int, size: int, now: datetime) -> _FirstDue | None:
    values = {
        "mailing": wanted.mailing_id,
        "first": first,
        "last": wanted.last,
        "now": connection.ops.adapt_datetimefield_value(now),
        "size": size,
    }
    with connection.cursor() as cursor:
        cursor.execute(_DUE, values)
        found = cursor.fetchone()
        return None if found[0] is None else _FirstDue(*found)


def _load(made: Claim, first_person: int, last_person: int) -> list[Claimed]:
    rows = _read(made, first_person, last_person)
    if any(recipient_id is None for _, recipient_id, *_ in rows):
        # Erased, or of a delivery that was put back into the queue after the others were found.
        rows = _read(made, 0, _HIGHEST_ID)
    return [_claimed(row, made) for row in rows]


def _read(made: Claim, first_person: int, last_person: int) -> list[tuple[Any, ...]]:
    now, admitted = (connection.ops.adapt_datetimefield_value(at) for at in (made.made_at, made.made_at - ADMISSION))
    values = {"mailing": made.mailing_id, "first": made.first, "last": made.last, "now": now, "admitted": admitted}
    values |= {"first_person": first_person, "last_person": last_person}
    # The plus keeps SQLite from the unique index by mailing, in which it would walk all of it for a few hundred ids.
    plus = "+" if connection.vendor == "sqlite" else ""
    with connection.cursor() as cursor:
        cursor.execute(_LOAD.format(plus=plus), values)
        return cursor.fetchall()


def _claimed(row: tuple[Any, ...], made: Claim) -> Claimed:
    pk, recipient_id, email, name, attributes, language, status, paused_until, suppressed, is_admitted = row
    if recipient_id is None:
        return Claimed(pk, made, None)
    if paused_until is not None and paused_until.tzinfo is None:  # SQLite stores UTC and does not say so
        paused_until = paused_until.replace(tzinfo=UTC)
    person = Person(recipient_id, email, name, attributes, language)
    return Claimed(pk, made, person, suppressed, status, paused_until, bool(is_admitted))
