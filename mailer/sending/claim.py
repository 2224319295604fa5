"""Takes deliveries for one run, so that no other run has them, and gives them back."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from mailer.models import Delivery
from mailer.sending.journal import Journal
from mailer.templating.contexts import Person

#: How long a claim holds. A worker that is alive begins no mail in the second half of it.
LEASE = timedelta(minutes=10)

# The plus keeps the planner from an index by mailing, in which it would walk all of it for a few hundred ids.
_CLAIM = """
UPDATE mailer_delivery SET status = 'sending', leased_until = %(lease)s, task_id = %(task)s
WHERE +mailing_id = %(mailing)s AND id BETWEEN %(first)s AND %(last)s AND status = 'queued'
  AND (next_attempt_at IS NULL OR next_attempt_at <= %(now)s)
  AND EXISTS (SELECT 1 FROM mailer_mailing WHERE id = %(mailing)s AND status = 'sending')
RETURNING id
"""
# Whether somebody still is on the list and not suppressed is looked up now, right before sending.
_LOAD = """
SELECT delivery.id, recipient.id, recipient.email, recipient.name, recipient.attributes,
  subscription.status, subscription.paused_until, suppression.reason
FROM mailer_delivery AS delivery
JOIN mailer_mailing AS mailing ON mailing.id = delivery.mailing_id
JOIN mailer_recipient AS recipient ON recipient.id = delivery.recipient_id
LEFT JOIN mailer_subscription AS subscription
  ON subscription.list_id = mailing.list_id AND subscription.recipient_id = recipient.id
LEFT JOIN mailer_suppression AS suppression
  ON suppression.email = recipient.email AND (suppression.expires_at IS NULL OR suppression.expires_at > %(now)s)
WHERE delivery.id BETWEEN %(first)s AND %(last)s AND delivery.leased_until = %(lease)s AND delivery.status = 'sending'
"""


@dataclass(frozen=True)
class Range:
    """A mailing's deliveries between two ids, both included: what one task is asked to send."""

    mailing_id: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that is ours to send, and what decides whether it is sent."""

    id: int
    lease: datetime
    person: Person | None  #: None if the recipient was erased
    suppressed: str = ""
    subscription: str = ""
    paused_until: datetime | None = None


@dataclass(frozen=True)
class Run:
    """One execution of a task: who claims, and where that is noted."""

    task_id: UUID
    journal: Journal
    #: All that was claimed and until when, also by a claim whose answer was lost and that was made again.
    leases: dict[int, datetime] = field(default_factory=dict)


def claim(wanted: Range, size: int, now: datetime, run: Run) -> list[Claimed]:
    """Claim due deliveries of the range, from the lowest id and `size` ids on; none if the mailing has stopped.

    The journal knows of the claim before it is committed: a worker killed in between has claimed nothing.
    """
    lease = now + LEASE
    with transaction.atomic():
        due = Delivery.objects.due(now).filter(mailing_id=wanted.mailing_id, id__range=(wanted.first, wanted.last))
        lowest = due.order_by("id").values_list("id", flat=True).first()
        if lowest is None:
            return []
        values = {
            "lease": connection.ops.adapt_datetimefield_value(lease),
            "now": connection.ops.adapt_datetimefield_value(now),
            "task": run.task_id if connection.vendor == "postgresql" else run.task_id.hex,
            "mailing": wanted.mailing_id,
            "first": lowest,
            "last": min(lowest + size - 1, wanted.last),
        }
        with connection.cursor() as cursor:
            cursor.execute(_CLAIM, values)
            ids = sorted(row[0] for row in cursor.fetchall())
        if ids:
            run.journal.claimed(ids, lease)
            run.leases.update(dict.fromkeys(ids, lease))
    return _load(ids, lease, now) if ids else []


def release(leases: dict[int, datetime]) -> int:
    """Give deliveries that were claimed, and not handed over, back to the queue. Returns how many.

    `leases` says of each until when it was claimed: a claim that another run has made since stays.
    """
    released = 0
    for lease in set(leases.values()):
        ids = [delivery_id for delivery_id, until in leases.items() if until == lease]
        held = Delivery.objects.filter(pk__in=ids, leased_until=lease).held()
        released += held.update(status=Delivery.Status.QUEUED, reason="", leased_until=None)
    return released


def _load(ids: list[int], lease: datetime, now: datetime) -> list[Claimed]:
    adapt = connection.ops.adapt_datetimefield_value
    values = {"first": ids[0], "last": ids[-1], "lease": adapt(lease), "now": adapt(now)}
    with connection.cursor() as cursor:
        cursor.execute(_LOAD, values)
        found = {row[0]: _claimed(row, lease) for row in cursor.fetchall()}
    # A delivery whose recipient was erased meanwhile is not joined to anything.
    return [found.get(pk) or Claimed(pk, lease, None) for pk in ids]


def _claimed(row: tuple[Any, ...], lease: datetime) -> Claimed:
    pk, recipient_id, email, name, attributes, status, paused_until, suppressed = row
    person = Person(recipient_id, email, name, json.loads(attributes) if attributes != "{}" else {})
    if paused_until is not None and paused_until.tzinfo is None:  # SQLite stores UTC and does not say so
        paused_until = paused_until.replace(tzinfo=UTC)
    return Claimed(pk, lease, person, suppressed or "", status or "", paused_until)
