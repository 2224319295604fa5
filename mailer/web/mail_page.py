"""A mail as a page of its own, in which nothing runs; and the page for a mail that is not there."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

#: A mail is foreign HTML: it runs nothing, loads pictures only, and its links lead out of the sandbox.
MAIL_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation; default-src 'none';"
    " img-src https: data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_PRIVATE = {"Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex"}


def mail_page(html: str, is_private: bool) -> HttpResponse:
    """The mail's HTML; a private one leaves no trace in search engines and in the logs of the pages it leads to."""
    return HttpResponse(html, headers={"Content-Security-Policy": MAIL_POLICY} | (_PRIVATE if is_private else {}))


def gone(request: HttpRequest) -> HttpResponse:
    """The same for every reason, so that it tells nothing."""
    page = render(request, "web/gone.html", {"site_name": settings.SITE_NAME}, status=404)
    for name, value in _PRIVATE.items():
        page[name] = value
    return page
