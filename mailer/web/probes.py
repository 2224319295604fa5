"""What machines ask a web process for: whether it lives, whether it is ready, and its figures.

They are answered before any other middleware. A load balancer speaks plain http to an IP address, so neither the
redirect to https nor ALLOWED_HOSTS may come first; nothing here reads the host, makes a link, or knows a session.
"""

import logging
from collections.abc import Callable

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseNotFound, JsonResponse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from prometheus_client import CONTENT_TYPE_LATEST

from mailer.insight.metrics import metrics_text
from mailer.insight.readiness import is_ready, readiness

logger = logging.getLogger(__name__)

Answer = Callable[[HttpRequest], HttpResponse]


def answer_probes(get_response: Answer) -> Answer:
    """The middleware: answers what is in PROBES itself, and hands on everything else."""

    def answer(request: HttpRequest) -> HttpResponse:
        probe = PROBES.get(request.path_info)
        if probe is None:
            return get_response(request)
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        response = probe(request)
        response["Cache-Control"] = "no-store"
        return response

    return answer


def live(request: HttpRequest) -> HttpResponse:
    """The process answers; nothing else is asked, or a database that is away would have all processes restarted."""
    return JsonResponse({"status": "alive"})


def ready(request: HttpRequest) -> HttpResponse:
    """200 if all that it needs answers, else 503; the JSON says what of it does not, and why."""
    answers = readiness()
    fine = is_ready(answers)
    return JsonResponse({"status": "ready" if fine else "not ready", **answers}, status=200 if fine else 503)


def metrics(request: HttpRequest) -> HttpResponse:
    """The figures in Prometheus's text format, for whoever has METRICS_TOKEN; without that setting there is no page."""
    if not settings.METRICS_TOKEN:
        return HttpResponseNotFound()
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not constant_time_compare(token.strip(), settings.METRICS_TOKEN):
        return HttpResponse(status=401, headers={"WWW-Authenticate": 'Bearer realm="metrics"'})
    try:
        return HttpResponse(metrics_text(timezone.now()), content_type=CONTENT_TYPE_LATEST)
    except DatabaseError as error:
        logger.warning("No figures while the database can't be used: %s", type(error).__name__)
        return HttpResponse(status=503)


PROBES: dict[str, Answer] = {"/health/live": live, "/health/ready": ready, "/metrics": metrics}
