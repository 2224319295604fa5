"""The ASGI entry point, for servers that speak it."""

import os

from django.core.asgi import get_asgi_application
from django.urls import resolve

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
application = get_asgi_application()
resolve("/")  # loads all pages now, and not while the first visitor waits
