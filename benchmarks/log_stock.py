"""A log of years in a few minutes: a million people, ten million deliveries, all written by PostgreSQL itself."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection
from django.db.models import Min
from django.utils import timezone
from django_celery_results.models import TaskResult

from benchmarks.stock import make_digest
from mailer.models import Delivery, Digest, Mailing, RecipientList

#: The share of a million people that is on each list, and how many mailings it gets: 10 million deliveries in all.
LISTS = [(1.0, 6), (0.5, 4), (0.2, 5), (0.1, 5), (0.02, 20), (0.005, 20), (0.001, 50), (0.0001, 40)]
RESULTS = 10_000
NOTIFICATIONS = 5_000

# Two thirds of all people are at three domains, most others at one of some thousand, and a few alone at theirs.
_PEOPLE = """
INSERT INTO mailer_recipient (email, name, time_zone, language, attributes, created_at)
SELECT 'person' || n || '@' || CASE
    WHEN mod(n, 100) < 40 THEN 'gmail.example' WHEN mod(n, 100) < 55 THEN 'outlook.example'
    WHEN mod(n, 100) < 67 THEN 'yahoo.example' WHEN mod(n, 5000) = 4999 THEN 'alone-' || n || '.example'
    ELSE 'company-' || mod(n::bigint * n, 3001) || '.example' END,
  'Person ' || n, '', '', '{"city": "Berlin", "points": 12}', now() - n * interval '30 seconds'
FROM generate_series(1, %s) AS n
"""
_SUBSCRIPTIONS = """
INSERT INTO mailer_subscription (list_id, recipient_id, status, cadence, source, subscribed_at, unsubscribed_at)
SELECT %(list)s, id, CASE WHEN mod(id, 40) = 0 THEN 'unsubscribed' ELSE 'active' END, 'daily', 'import', created_at,
  CASE WHEN mod(id, 40) = 0 THEN created_at + interval '1 day' END
FROM mailer_recipient ORDER BY id LIMIT %(people)s
"""
# 96 of 100 are sent; the others end in all the ways that there are, the rare ones on one of some ten thousand.
_DELIVERIES = """
INSERT INTO mailer_delivery (mailing_id, recipient_id, status, reason, attempts, sent_at, smtp_code, smtp_text, task_id)
SELECT %(mailing)s, drawn.recipient_id, ending.status, ending.reason, ending.attempts,
  CASE WHEN ending.status = 'sent' THEN %(due)s::timestamptz + drawn.number * interval '130 microseconds' END,
  ending.code, ending.answer, %(task)s
FROM (
  SELECT recipient_id, row_number() OVER (ORDER BY recipient_id) AS number,
    mod(abs(hashint8(recipient_id * 1009 + %(mailing)s)::bigint), 100000) AS chance
  FROM mailer_subscription WHERE list_id = %(list)s ORDER BY recipient_id
) AS drawn
JOIN (VALUES {endings}) AS ending (least, most, status, reason, attempts, code, answer)
  ON drawn.chance >= ending.least AND drawn.chance < ending.most
ORDER BY drawn.recipient_id
"""
#: Of a hundred thousand: status, reason, attempts, SMTP code, answer.
ENDINGS = [
    (95_990, "sent", "", 1, 250, "2.0.0 Ok: queued"),
    (1_500, "skipped", "unsubscribed", 0, None, ""),
    (700, "skipped", "suppressed", 0, None, ""),
    (100, "skipped", "paused", 0, None, ""),
    (2, "skipped", "erased", 0, None, ""),
    (700, "failed", "address", 1, 550, "5.1.1 No such user"),
    (300, "failed", "refused", 1, 554, "5.7.1 Message refused by policy"),
    (200, "failed", "exhausted", 6, 451, "4.7.1 Try again later"),
    (3, "failed", "refused", 1, 521, "5.3.2 This host takes no mail"),
    (450, "bounced", "", 1, 250, "2.0.0 Ok: queued"),
    (30, "complained", "", 1, 250, "2.0.0 Ok: queued"),
    (20, "uncertain", "no_answer", 1, None, ""),
    (5, "uncertain", "worker_lost", 1, None, ""),
]
_NOTIFICATIONS = """
WITH made AS (
  INSERT INTO mailer_mailing (kind, recipient_id, version_id, scheduled_for, time_zone, status, reason, is_local,
    has_more, context, created_at, started_at, finished_at,
    planned, sent, failed, skipped, bounced, uncertain, cancelled)
  SELECT 'notification', id, %(version)s, now() - id * interval '1 minute', 'UTC', 'done', '', false, false, '{}',
    now(), now(), now(), 1, 1, 0, 0, 0, 0, 0
  FROM mailer_recipient ORDER BY id LIMIT %(count)s RETURNING id, recipient_id, scheduled_for
)
INSERT INTO mailer_delivery (mailing_id, recipient_id, status, attempts, sent_at, smtp_code, smtp_text)
SELECT id, recipient_id, 'sent', 1, scheduled_for, 250, '2.0.0 Ok: queued' FROM made
"""
# One is under way: half of its people wait.
_UNDER_WAY = """
UPDATE mailer_delivery SET status = 'queued', attempts = 0, sent_at = NULL, smtp_code = NULL, smtp_text = ''
WHERE mailing_id = %(mailing)s AND status = 'sent'
  AND recipient_id > (SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY recipient_id) FROM mailer_delivery
    WHERE mailing_id = %(mailing)s)
"""
_SUMS = """
UPDATE mailer_mailing SET planned = found.planned, sent = found.sent, failed = found.failed, skipped = found.skipped,
  bounced = found.bounced, uncertain = found.uncertain
FROM (
  SELECT mailing_id, count(*) AS planned, count(*) FILTER (WHERE status = 'sent') AS sent,
    count(*) FILTER (WHERE status = 'failed') AS failed, count(*) FILTER (WHERE status = 'skipped') AS skipped,
    count(*) FILTER (WHERE status IN ('bounced', 'complained')) AS bounced,
    count(*) FILTER (WHERE status = 'uncertain') AS uncertain
  FROM mailer_delivery GROUP BY mailing_id
) AS found WHERE mailer_mailing.id = found.mailing_id
"""
_RESULT_DATES = """
UPDATE django_celery_results_taskresult SET date_created = mailing.started_at, date_done = mailing.started_at
FROM mailer_mailing AS mailing WHERE task_args LIKE '"(' || mailing.id || ',%'
"""
_ATTEMPTS = """
INSERT INTO mailer_attempt (delivery_id, at, outcome, smtp_code, smtp_text)
SELECT id, now() - interval '1 day', 'permanent', smtp_code, smtp_text FROM mailer_delivery
WHERE status = 'failed' ORDER BY id
"""
_SUPPRESSIONS = """
INSERT INTO mailer_suppression (email, reason, note, created_at)
SELECT email, 'hard_bounce', '550 5.1.1 No such user', now() FROM mailer_recipient WHERE mod(id, 50) = 7
"""


def fill(people: int) -> None:
    """Lists, people, mailings of the last months with their deliveries, attempts, suppressions and task results."""
    _execute(_PEOPLE, [people])
    lists = [_make_list(number, int(share * people)) for number, (share, _) in enumerate(LISTS)]
    digests = [make_digest(mailing_list) for mailing_list in lists]
    _execute(_NOTIFICATIONS, {"version": _version(digests[0]), "count": NOTIFICATIONS})
    for mailing in _mailings(digests, timezone.now()):
        _deliver(mailing)
    under_way = Mailing.objects.filter(list=lists[4]).latest("pk")
    Mailing.objects.filter(pk=under_way.pk).update(status=Mailing.Status.SENDING, finished_at=None)
    _execute(_UNDER_WAY, {"mailing": under_way.pk})
    _execute(_SUMS)
    _execute(_ATTEMPTS)
    _execute(_SUPPRESSIONS)
    _make_results()
    _execute("VACUUM (ANALYZE)")


def _make_list(number: int, people: int) -> RecipientList:
    made = RecipientList.objects.create(slug=f"list-{number}", name=f"List of {people:,}")
    _execute(_SUBSCRIPTIONS, {"list": made.pk, "people": people})
    return made


def _mailings(digests: list[Digest], now: datetime) -> Iterator[Mailing]:
    """One of each digest in turn, the oldest first, some hours apart, until each has had its number."""
    for turn in range(max(count for _, count in LISTS), 0, -1):
        for digest, (_, count) in zip(digests, LISTS, strict=True):
            if turn <= count:
                due = now - timedelta(days=turn, hours=digest.pk)
                end = due + timedelta(minutes=3)
                yield Mailing.objects.create(
                    kind=Mailing.Kind.DIGEST, digest=digest, list=digest.list, version_id=_version(digest),
                    scheduled_for=due, started_at=due, finished_at=end, status=Mailing.Status.DONE,
                )  # fmt: skip


def _deliver(mailing: Mailing) -> None:
    least, rows = 0, []
    for share, *ending in ENDINGS:
        rows.append(_row(least, least + share, *ending))
        least += share
    values = {
        "mailing": mailing.pk,
        "list": mailing.list_id,
        "due": mailing.scheduled_for,
        "task": UUID(int=mailing.pk),
    }
    _execute(_DELIVERIES.format(endings=", ".join(rows)), values)


def _row(*values: int | str | None) -> str:
    """A row of VALUES; the texts are ours."""
    words = (
        f"'{value}'" if isinstance(value, str) else "NULL::smallint" if value is None else str(value)
        for value in values
    )
    return f"({', '.join(words)})"


def _make_results() -> None:
    """RESULTS batches, as many of each mailing as its share of all mails."""
    results = []
    first = Delivery.objects.aggregate(first=Min("pk"))["first"]
    for mailing in Mailing.objects.exclude(list=None).order_by("pk"):
        starts = range(first, first + mailing.planned, 1_000)
        results += [_result(mailing, start) for start in starts]
        first += mailing.planned
    for number, result in enumerate(results[-RESULTS:]):
        result.task_id = str(UUID(int=number))
    TaskResult.objects.bulk_create(results[-RESULTS:], batch_size=1_000)
    _execute(_RESULT_DATES)


def _result(mailing: Mailing, first: int) -> TaskResult:
    summary = {"mailing": mailing.pk, "first": first, "last": first + 999, "planned": 1_000, "sent": 990, "failed": 10}
    summary |= {"seconds": 0.3, "rate": 6_600.0, "failures": [{"delivery": first, "code": 550, "reason": "address"}]}
    return TaskResult(
        task_name="mailer.tasks.deliver", status="SUCCESS", result=json.dumps(summary),
        task_args=json.dumps(repr((mailing.pk, first, first + 999))),
    )  # fmt: skip


def _version(digest: Digest) -> int:
    return digest.template.version_to_send().pk


def _execute(statement: str, values: object = None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
