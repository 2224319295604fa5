"""How the service is set up: settings, the Celery app, URLs."""

from config.celery import app as celery_app

__all__ = ["celery_app"]
