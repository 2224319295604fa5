"""Deletes the log when it is as old as the operator wants it to become, in small steps that lock nothing for long."""

from datetime import datetime

from django.db import transaction
from django_celery_results.models import TaskResult

from mailer.models import Attempt, Delivery, Mailing, Return

STEP = 5_000


def purge_log(before: datetime) -> dict[str, int]:
    """Delete final mailings with their deliveries, and task results, from before the time. Returns counts."""
    counts = {"mailings": 0, "deliveries": 0, "task_results": 0}
    old = Mailing.objects.filter(scheduled_for__lt=before).exclude(pk__in=Mailing.objects.open().values("pk"))
    for mailing_id in old.order_by("pk").values_list("pk", flat=True).iterator(STEP):
        counts["deliveries"] += _purge_deliveries(mailing_id)
        Mailing.objects.filter(pk=mailing_id).delete()
        counts["mailings"] += 1
    results = TaskResult.objects.filter(date_created__lt=before)
    while ids := list(results.values_list("pk", flat=True)[:STEP]):
        counts["task_results"] += TaskResult.objects.filter(pk__in=ids).delete()[0]
    return counts


def _purge_deliveries(mailing_id: int) -> int:
    deleted = 0
    deliveries = Delivery.objects.filter(mailing=mailing_id).order_by("recipient")
    while ids := list(deliveries.values_list("pk", flat=True)[:STEP]):
        with transaction.atomic():
            Attempt.objects.filter(delivery__in=ids).delete()
            Return.objects.filter(delivery__in=ids).delete()
            deleted += Delivery.objects.filter(pk__in=ids).delete()[0]
    return deleted
