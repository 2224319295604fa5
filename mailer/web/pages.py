"""What the recipients' pages have in common: their header, and that no cookie is asked for."""

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.cache import add_never_cache_headers
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

View = Callable[..., HttpResponse]
_POLICY = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; form-action {form}; {rest}"
POLICY = _POLICY.format(form="'self'", rest="base-uri 'none'; frame-ancestors 'none'")
#: For a form that other sites may show in a frame.
FRAMED_POLICY = _POLICY.format(form="'self'", rest="base-uri 'none'; frame-ancestors *")


def recipients_page(methods: Sequence[str] = ("GET", "HEAD", "POST"), policy: str = POLICY) -> Callable[[View], View]:
    """A page that is found by no search engine, tells nobody its address and runs nothing but our own files.

    No page for recipients knows a session: a POST is proved by the token in its address, or asks for what anybody may
    ask for. There is no cookie that another site could make use of, hence no CSRF token.
    """

    def decorate(view: View) -> View:
        @csrf_exempt
        @require_http_methods(list(methods))
        @wraps(view)
        def respond(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            response = view(request, *args, **kwargs)
            response["Content-Security-Policy"] = policy
            response["Referrer-Policy"] = "no-referrer"
            response["X-Robots-Tag"] = "noindex, nofollow"
            response.xframe_options_exempt = policy == FRAMED_POLICY
            add_never_cache_headers(response)
            return response

        return respond

    return decorate
