"""The addresses of the API, and its documents."""

from django.conf import settings
from ninja import NinjaAPI

from mailer.api import items, lists, log, notifications, people, suppressions
from mailer.api.problems import handle_problems

api = NinjaAPI(
    title=f"{settings.SITE_NAME} API",
    version="1",
    description="Items, people and mails from other programs. Times have their offset from UTC. Errors are problem "
    "details (RFC 9457) that name each field.",
    urls_namespace="api",
)
handle_problems(api)
for part in (lists, items, people, notifications, log, suppressions):
    api.add_router("", part.router)
