"""The product's settings; the one change is how often beat ticks in the short form."""

import os
from datetime import timedelta

from config.celery_settings import CELERY_BEAT_SCHEDULE
from config.settings import *  # noqa: F403

if os.environ["CRASH_FORM"] == "short":
    CELERY_BEAT_SCHEDULE["afternoon-post: tick"]["schedule"] = timedelta(seconds=1)
