"""Deletes the log when it is as old as the operator wants it to become, in small steps that lock nothing for long."""

from datetime import datetime
from typing import Any

from django.db import models, transaction
from django_celery_results.models import TaskResult

from mailer.models import Attachment, Attempt, Delivery, Mailing, MailingItem, Message, Return

#: Rows that are deleted at a time; of those that hold whole mails and files, fewer.
STEP, LARGE = 5_000, 100


def purge_log(before: datetime) -> dict[str, int]:
    """Delete final mailings with their deliveries, and task results, from before the time. Returns counts."""
    counts = {"mailings": 0, "deliveries": 0}
    old = Mailing.objects.filter(scheduled_for__lt=before).exclude(pk__in=Mailing.objects.open().values("pk"))
    for mailing_id in old.order_by("pk").values_list("pk", flat=True).iterator(STEP):
        counts["deliveries"] += _purge_deliveries(mailing_id)
        # Of items of people's own there may be more than deliveries; by its cascade they would go in one statement.
        _delete_in_steps(MailingItem.objects.filter(mailing=mailing_id).order_by(), STEP)
        Mailing.objects.filter(pk=mailing_id).delete()
        counts["mailings"] += 1
    results = TaskResult.objects.filter(date_created__lt=before).order_by()
    return counts | {"task_results": _delete_in_steps(results, STEP)}


def purge_messages(before: datetime) -> dict[str, int]:
    """Delete from before the time what single mails brought along, unless one of them still waits. Returns counts."""
    waiting = Mailing.objects.open().filter(kind=Mailing.Kind.NOTIFICATION)
    messages = Message.objects.filter(created_at__lt=before)
    files = Attachment.objects.filter(created_at__lt=before)
    return {
        "messages": _delete_in_steps(messages.exclude(pk__in=waiting.exclude(message=None).values("message")), LARGE),
        "attachments": _delete_in_steps(files.exclude(mailing__in=waiting.filter(has_attachments=True)), LARGE),
    }


def _delete_in_steps(rows: models.QuerySet[Any], step: int) -> int:
    """By their ids, each step in a transaction of its own."""
    deleted = 0
    while ids := list(rows.values_list("pk", flat=True)[:step]):
        deleted += rows.model.objects.filter(pk__in=ids).delete()[0]
    return deleted


def _purge_deliveries(mailing_id: int) -> int:
    deleted = 0
    deliveries = Delivery.objects.filter(mailing=mailing_id).order_by("recipient")
    while ids := list(deliveries.values_list("pk", flat=True)[:STEP]):
        with transaction.atomic():
            Attempt.objects.filter(delivery__in=ids).delete()
            Return.objects.filter(delivery__in=ids).delete()
            deleted += Delivery.objects.filter(pk__in=ids).delete()[0]
    return deleted
