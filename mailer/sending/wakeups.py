"""Which deliveries workers should be told of: the database is the queue, a message only wakes somebody up."""

from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Exists, OuterRef, Q

from mailer.models import Claim, Delivery, Mailing
from mailer.sending.claim import Range

#: How many deliveries one task is asked to send.
RANGE_SIZE = 2000
#: A mailing is called out again after this while no worker is busy at all, or else its next chance is a tick later;
#: after the longer time in any case, because the broker may have lost its messages while it waited behind others.
PATIENCE = timedelta(seconds=10)
LONG_PATIENCE = timedelta(minutes=2)

#: A mailing that is spread has its next share called for so often; sooner than PATIENCE, so that no tick does it too.
SHARE_EVERY = timedelta(seconds=8)

_RANGES = """
SELECT MIN(id), MAX(id) FROM (
  SELECT id, (ROW_NUMBER() OVER (ORDER BY id) - 1 + %(missing)s) / %(size)s AS number FROM mailer_delivery
  WHERE mailing_id = %(mailing)s AND status = 'queued' AND id > %(after)s
    AND (next_attempt_at IS NULL OR next_attempt_at <= %(now)s)
) AS due GROUP BY number ORDER BY 1
"""


def due_ranges(mailing_id: int, now: datetime, after: int = 0) -> list[Range]:
    """The mailing's queued deliveries that are due, with ids above `after`, in ranges for one task each."""
    adapted = connection.ops.adapt_datetimefield_value(now)
    with connection.cursor() as cursor:
        # The first range is shorter. Else processes that begin together come to the end of each group and each range
        # together, and the mail server has to wait for all of them.
        missing = RANGE_SIZE * 3 // 8
        values = {"size": RANGE_SIZE, "missing": missing, "mailing": mailing_id, "now": adapted, "after": after}
        cursor.execute(_RANGES, values)
        return [Range(mailing_id, first, last) for first, last in cursor.fetchall()]


def highest_delivery() -> int:
    """The highest id of all deliveries: those that are planned from now on have higher ones."""
    return Delivery.objects.order_by("-pk").values_list("pk", flat=True).first() or 0


def waiting_mailings(now: datetime, is_patient: bool = True) -> list[int]:
    """The mailings with deliveries that are due and that, it seems, nobody works on: a message may have been lost.

    Without patience those too of which workers were told just now, as when they could not reach the mail server.
    """
    due = Delivery.objects.due(now).filter(mailing=OuterRef("pk"))
    unattended = Q(woken_at=None) | Q(woken_at__lte=now - LONG_PATIENCE if is_patient else now)
    if not Claim.objects.alive(now).exists():
        unattended |= Q(woken_at__lte=now - PATIENCE)
    single_ones = Delivery.objects.filter(mailing__kind=Mailing.Kind.NOTIFICATION)
    retries = single_ones.filter(status=Delivery.Status.QUEUED, next_attempt_at__lte=now)
    candidates = Mailing.objects.filter(unattended, status=Mailing.Status.SENDING)
    bulk = (
        candidates.exclude(kind=Mailing.Kind.NOTIFICATION)
        .filter(Exists(due) | Q(has_more=True))
        .values_list("pk", flat=True)
    )
    single = candidates.filter(
        kind=Mailing.Kind.NOTIFICATION, pk__in=retries.order_by("next_attempt_at").values("mailing")[:10_000]
    ).values_list("pk", flat=True)
    return [*bulk, *single]


def finished_mailings() -> list[int]:
    """The mailings that nobody has closed: nothing of them is open any more, or they were cancelled.

    Their worker died right then, or the message that they are to be closed was lost.
    """
    undone = Delivery.objects.open().filter(mailing=OuterRef("pk"))
    done = Mailing.objects.filter(~Exists(undone), status=Mailing.Status.SENDING, has_more=False)
    cancelled = Mailing.objects.filter(status=Mailing.Status.CANCELLED, finished_at=None)
    return [pk for rows in (done, cancelled) for pk in rows.values_list("pk", flat=True)[:10_000]]


def note_next_share(mailing_id: int, now: datetime) -> bool:
    """Whether it is time to wake workers for the next share of a mailing that is spread, and nobody else just did."""
    going_on = Mailing.objects.filter(pk=mailing_id, status=Mailing.Status.SENDING)
    return bool(going_on.filter(woken_at__lte=now - SHARE_EVERY / 2).update(woken_at=now))


def note_woken(mailing_id: int, now: datetime) -> None:
    """Workers have been told of this mailing."""
    Mailing.objects.filter(pk=mailing_id).update(woken_at=now)
