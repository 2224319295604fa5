"""What `celery -A` loads in a crash run: the product's own app, with the waits of this form."""

import django

from config.celery import app

__all__ = ["app"]

django.setup()

from tests.crash.waits import shorten  # noqa: E402 - it needs the models

shorten()
