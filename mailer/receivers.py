"""Keeps digests and beat's periodic tasks together when one is edited in beat's own pages."""

import logging
from typing import Any

from django.db.models.signals import post_save
from django.dispatch import receiver
from django_celery_beat.models import PeriodicTask

from mailer.scheduling.schedules import UnknownDigest, UnusableTask, adopt_periodic_task

logger = logging.getLogger(__name__)


@receiver(post_save, sender=PeriodicTask)
def adopt(instance: PeriodicTask, raw: bool = False, **details: Any) -> None:
    """A periodic task that was added by hand becomes its digest's schedule."""
    if raw:
        return
    try:
        adopt_periodic_task(instance)
    except (UnknownDigest, UnusableTask) as error:
        logger.warning("The periodic task %r will send nothing: %s", instance.name, error)
