"""Shows times in the zone that the operator chose, because they are stored in UTC."""

from collections.abc import Callable
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone


def show_project_time_zone(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: the page's times are in PROJECT_TIME_ZONE."""

    def respond(request: HttpRequest) -> HttpResponse:
        with timezone.override(ZoneInfo(settings.PROJECT_TIME_ZONE)):
            return get_response(request)

    return respond
