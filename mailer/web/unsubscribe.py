"""One click and out: the page behind List-Unsubscribe and behind the link in each mail."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from mailer.audience.consent import Word
from mailer.audience.links import BadToken, read_token
from mailer.feedback.unsubscribes import subscribe_again, unsubscribe_recipient
from mailer.models import RecipientList


@csrf_exempt  # the mail program's POST has no cookie; the token is what proves it (RFC 8058 section 3.1)
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """GET asks, for scanners open every link; POST acts at once, without a redirect (RFC 8058).

    A link that is not ours, or whose person or list is gone, gets the same page as one that works.
    """
    ids = _ids(token)
    name = _list_name(ids)
    if request.method != "POST":
        return _page(request, "ask", name, ids is not None)
    if request.POST.get("action") == "undo":
        if ids:
            subscribe_again(*ids, Word("the link in a mail", timezone.now()))
        return _page(request, "back", name, ids is not None)
    if ids:
        one_click = request.POST.get("List-Unsubscribe") == "One-Click"
        source = "one-click in a mail program" if one_click else "the link in a mail"
        unsubscribe_recipient(*ids, Word(source, timezone.now()))
    return _page(request, "done", name, ids is not None)


def _ids(token: str) -> tuple[int, int] | None:
    """The list and the recipient that the token names."""
    try:
        list_id, recipient_id = read_token("unsubscribe", token)
    except (BadToken, ValueError):
        return None
    return list_id, recipient_id


def _list_name(ids: tuple[int, int] | None) -> str:
    found = RecipientList.objects.filter(pk=ids[0]).values_list("name", flat=True).first() if ids else None
    return found or settings.SITE_NAME


def _page(request: HttpRequest, state: str, list_name: str, valid: bool) -> HttpResponse:
    context = {"state": state, "list_name": list_name, "valid": valid, "site_name": settings.SITE_NAME}
    return render(request, "web/unsubscribe.html", context)
