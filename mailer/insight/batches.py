"""The TaskResults of `mailer.tasks.deliver`: which belong to a mailing, and what their summaries say."""

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Q
from django_celery_results.models import TaskResult

from mailer.models import Delivery, Mailing

DELIVER = "mailer.tasks.deliver"
#: No mailing's page shows more of them; a million mails at 2,000 a batch are 500.
MOST_SHOWN = 50


@dataclass(frozen=True)
class Failure:
    """A delivery that a batch could not send."""

    delivery: int
    code: int | None
    reason: str


@dataclass(frozen=True)
class BatchSummary:
    """What a batch reported of itself: its range of deliveries, its counts and its speed."""

    mailing: int
    first: int
    last: int
    counts: dict[str, int]
    seconds: float
    rate: float
    failures: list[Failure]
    halted: str  #: why it stopped before its end, if it did


def batches_of(mailing: Mailing) -> list[TaskResult]:
    """The newest results of the mailing's batches, at most MOST_SHOWN.

    Django-celery-results stores the arguments as the JSON of their repr, such as `"(3, 1, 2000)"`; there is no index
    on them, so the search begins at the mailing's start, by the index on the date.
    """
    if mailing.started_at is None:
        return []
    first_argument = Q(task_args__startswith=f'"({mailing.pk},') | Q(task_args__startswith=f'"[{mailing.pk},')
    # The row is made when its batch ends, or begins; a clock's difference between two hosts is allowed for.
    within = Q(date_created__gte=mailing.started_at - timedelta(minutes=1))
    if mailing.finished_at is not None:
        within &= Q(date_created__lte=mailing.finished_at + timedelta(hours=1))
    found = TaskResult.objects.filter(within & first_argument, task_name=DELIVER)
    return list(found.defer("traceback", "meta", "task_kwargs").order_by("-date_created")[:MOST_SHOWN])


def batch_of(delivery: Delivery) -> TaskResult | None:
    """The result of the batch that last had the delivery in hand."""
    if delivery.task_id is None:
        return None
    return TaskResult.objects.filter(task_id=str(delivery.task_id)).first()


def read_summary(result: TaskResult) -> BatchSummary | None:
    """The result's JSON summary, or None if it holds none: another task, an error, an unfinished batch."""
    content = read_result(result)
    if result.task_name != DELIVER or not isinstance(content, dict) or "mailing" not in content:
        return None
    named = {"mailing", "first", "last", "seconds", "rate", "failures"}
    return BatchSummary(
        mailing=int(content["mailing"]),
        first=int(content.get("first") or 0),
        last=int(content.get("last") or 0),
        counts={name: value for name, value in content.items() if name not in named and isinstance(value, int)},
        seconds=float(content.get("seconds") or 0),
        rate=float(content.get("rate") or 0),
        failures=[_read_failure(failure) for failure in content.get("failures") or []],
        halted=str(content.get("halted") or ""),
    )


def read_result(result: TaskResult) -> Any:
    """The result as data; as text if it is not JSON."""
    try:
        return json.loads(result.result or "null")
    except ValueError:
        return result.result


def _read_failure(failure: dict[str, Any]) -> Failure:
    return Failure(int(failure["delivery"]), failure.get("code"), str(failure.get("reason", "")))
