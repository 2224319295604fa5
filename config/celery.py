"""The Celery application; its settings are the CELERY_ ones in config/celery_settings.py."""

import gc
import os
from typing import Any

from celery import Celery
from celery.signals import worker_process_init

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
# Of Django's checks those of the URLs would load the admin and the API; ours are run in mailer/checks.py all the same.
os.environ.setdefault("CELERY_SKIP_CHECKS", "yes")

app = Celery("afternoon_post")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_process_init.connect
def keep_what_is_loaded(**details: Any) -> None:
    """Leave what a worker's process was born with out of garbage collection: it stays, and each look costs 0.1 s."""
    gc.freeze()
