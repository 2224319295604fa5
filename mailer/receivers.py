"""What follows when beat's own pages edit a periodic task, when a `migrate` has ended, and when events are written."""

import logging
from typing import Any

from django.apps import AppConfig
from django.apps import apps as all_apps
from django.apps.registry import Apps
from django.db.models.signals import post_migrate, post_save
from django.dispatch import receiver
from django_celery_beat.models import PeriodicTask

from mailer.models.outbox import events_written
from mailer.models.roles import grant_roles
from mailer.scheduling.schedules import UnknownDigest, UnusableTask, adopt_periodic_task
from mailer.waking import wake_events

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


@receiver(events_written)
def call_for_events(endpoint_id: int, **details: Any) -> None:
    """Events for an endpoint are committed: a worker is to send them."""
    wake_events(endpoint_id)


@receiver(post_migrate)
def make_roles(sender: AppConfig, apps: Apps = all_apps, **details: Any) -> None:
    """Permissions are made when each app has been migrated; ours is the last app, so by now they are all there."""
    models = {model.__name__ for model in apps.get_models()}  # as far as was migrated, which may be back
    if sender.label == "mailer" and "RoleGrant" in models:
        grant_roles()
