"""The pages at /inbox/: every mail that the local catcher took. Only on this machine, so without a login."""

import re
from pathlib import Path

from django.conf import settings
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_safe

from config.local import mailbox

PAGE_SIZE = 50
VIEWS = ("html", "text", "headers", "source")
# A link may open a new tab, else nobody could try "unsubscribe" here; nothing else may happen.
SANDBOX = "allow-popups allow-popups-to-escape-sandbox"
BODY_POLICY = f"sandbox {SANDBOX}; default-src 'none'; img-src https: data: http:; style-src 'unsafe-inline'"
LINKS_IN_NEW_TABS = '<base target="_blank">'
HEAD_TAG = re.compile(r"<head\b[^>]*>", re.IGNORECASE)


@require_safe
@never_cache
def show_list(request: HttpRequest) -> HttpResponse:
    """All mails, or those that a search finds, newest first."""
    folder = _folder()
    words = request.GET.get("q", "").strip()
    every = mailbox.names(folder)
    found = [entry.name for entry in mailbox.search(folder, words)] if words else every
    page = Paginator(found, PAGE_SIZE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "entries": mailbox.entries(folder, page.object_list),
        "words": words,
        "total": len(every),
        "found": len(found),
    }
    return render(request, "web/inbox/list.html", context)


@require_safe
def show_mail(request: HttpRequest, name: str, view: str = "html") -> HttpResponse:
    """One mail in one of its views."""
    raw = _source(name)
    parts = mailbox.parse(raw)
    context = {
        "entry": mailbox.entries(_folder(), [name])[0],
        "parts": parts,
        "view": view,
        "views": VIEWS,
        "source": raw.decode(errors="replace") if view == "source" else "",
        "size": len(raw),
        "on_phone": request.GET.get("width") == "phone",
        "sandbox": SANDBOX,
    }
    return render(request, "web/inbox/mail.html", context)


@require_safe
@xframe_options_sameorigin
def show_body(request: HttpRequest, name: str) -> HttpResponse:
    """The mail's HTML alone, for the frame: it can load pictures and use its own styles, nothing else."""
    html = mailbox.parse(_source(name)).html
    head = HEAD_TAG.search(html)
    at = head.end() if head else 0
    body = html[:at] + LINKS_IN_NEW_TABS + html[at:] if head else html + LINKS_IN_NEW_TABS
    return HttpResponse(body, headers={"Content-Security-Policy": BODY_POLICY, "X-Content-Type-Options": "nosniff"})


def _folder() -> Path:
    return Path(settings.LOCAL_INBOX)


def _source(name: str) -> bytes:
    raw = mailbox.source(_folder(), name)
    if raw is None:
        raise Http404("No such mail.")
    return raw
