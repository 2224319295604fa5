"""What machines ask a web process for: whether it lives, and whether it is ready.

They are answered before any other middleware. A load balancer speaks plain http to an IP address, so neither the
redirect to https nor ALLOWED_HOSTS may come first; nothing here reads the host, makes a link, or knows a session.
"""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse

from mailer.insight.readiness import is_ready, readiness

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


PROBES: dict[str, Answer] = {"/health/live": live, "/health/ready": ready}
