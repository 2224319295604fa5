"""Finds what Django and Celery have written down of a person by the way, and takes the person out of it."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from axes.models import AccessAttempt
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model, Q, QuerySet
from django_celery_beat.models import PeriodicTask
from django_celery_results.models import TaskResult

from mailer.models import (
    Alert,
    ConsentEvent,
    Erasure,
    Import,
    LiftedSuppression,
    Recipient,
    RelayPause,
    SegmentCondition,
    Subscription,
    Suppression,
    WebhookDelivery,
)

#: What stands where an address stood.
NOBODY = "erased recipient"
#: Notes that may name somebody in passing, in tables that are small enough to be read through.
_NOTES: Mapping[type[Model], Sequence[str]] = {
    Suppression: ("note",),
    LiftedSuppression: ("note", "lift_note"),
    ConsentEvent: ("detail", "source"),
    Erasure: ("note", "lift_note"),
    Import: ("file_name", "reason", "problem"),
    Alert: ("title", "text"),
    RelayPause: ("reason",),
    SegmentCondition: ("value",),
    PeriodicTask: ("name", "args", "kwargs", "headers", "description"),
    AccessAttempt: ("path_info", "get_data", "post_data"),  # where somebody was on the way to when asked to log in
}
_DELIVER, _NOTIFY = "mailer.tasks.deliver", "mailer.tasks.notify_user"


def forget_in_staffs_log(recipient: Recipient) -> None:
    """Leave in the admin's log that something was done, when and by whom, and not to whom."""
    LogEntry.objects.filter(_about(recipient)).update(object_repr=NOBODY, change_message="")
    named = Q(object_repr__icontains=recipient.email) | Q(change_message__icontains=recipient.email)
    for entry in LogEntry.objects.filter(named):
        entry.object_repr = _without(recipient.email, entry.object_repr)
        entry.change_message = _without(recipient.email, entry.change_message)
        entry.save(update_fields=["object_repr", "change_message"])


def forget_in_notes(address: str) -> None:
    """Take the address out of what staff and the service noted beside others, and switch off tasks that write to it.

    What is left are other people's own data, and what was published: whoever wrote an address there knows where.
    """
    for model, fields in _NOTES.items():
        named = Q()
        for field in fields:
            named |= Q(**{f"{field}__icontains": address})
        for row in model._default_manager.filter(named):
            for field in fields:
                setattr(row, field, _without(address, getattr(row, field)))
            if isinstance(row, PeriodicTask):
                row.enabled = False
            row.save()


def forget_in_task_results(recipient: Recipient) -> None:
    """Empty the results of tasks that were called with the address or the person's id, or that failed over it."""
    named = Q()
    for column in ("task_args", "task_kwargs", "result", "traceback", "meta"):
        named |= Q(**{f"{column}__icontains": recipient.email})
    for bracket in "([":  # as django-celery-results stores arguments: the JSON of their repr
        named |= Q(task_name=_NOTIFY, task_args__startswith=f'"{bracket}{recipient.pk},')
    # What `deliver` reports holds ids only, and it is most of the table.
    others = TaskResult.objects.exclude(task_name=_DELIVER, status="SUCCESS")
    others.filter(named).update(task_args=None, task_kwargs=None, result=json.dumps(NOBODY), traceback=None, meta=None)


def forget_in_events(recipient: Recipient) -> None:
    """Take the address out of the events that were or will be told to other programs, and out of their answers.

    In the JSON of a body an address may be written otherwise, where it has a quotation mark in it.
    """
    address, written = recipient.email, json.dumps(recipient.email, ensure_ascii=False)[1:-1]
    WebhookDelivery.objects.filter(recipient=recipient).update(response="")
    named = Q(recipient=recipient) | Q(body__icontains=written) | Q(response__icontains=address)
    for row in WebhookDelivery.objects.filter(named).select_for_update(of=("self",)):
        row.body = _without(written, row.body).replace(f'"email":"{NOBODY}"', '"email":null')
        row.response = _without(address, row.response)
        row.recipient_id = None if row.recipient_id == recipient.pk else row.recipient_id
        row.save(update_fields=["body", "response", "recipient"])


def _about(recipient: Recipient) -> Q:
    """The log's entries about the person and what is theirs."""
    lifted = LiftedSuppression.objects.filter(email=recipient.email)
    theirs: list[tuple[type[Model], QuerySet[Any]]] = [
        (Recipient, Recipient.objects.filter(pk=recipient.pk)),
        (Subscription, Subscription.objects.filter(recipient=recipient)),
        (Suppression, Suppression.objects.filter(email=recipient.email)),
        (Suppression, lifted),  # it keeps the number that it had
        (LiftedSuppression, lifted),
    ]
    about = Q(pk__in=[])
    for model, rows in theirs:
        ids = [str(pk) for pk in rows.values_list("pk", flat=True)]
        about |= Q(content_type=ContentType.objects.get_for_model(model), object_id__in=ids)
    return about


def _without(address: str, text: str) -> str:
    return re.sub(re.escape(address), NOBODY, text, flags=re.IGNORECASE)
