"""Failed logins are counted by name and address, and after some of them there is a pause; both by django-axes."""

from datetime import datetime
from typing import Any

from axes.models import AccessAttempt, AccessLog
from django.conf import settings
from django.contrib import admin
from django.contrib.admin.forms import AdminAuthenticationForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from mailer.admin.base import LogPages
from mailer.admin.columns import moment
from mailer.insight.words import when
from mailer.web.client_address import address_of


def refuse_login(request: HttpRequest, response: HttpResponse | None, credentials: Any = None) -> HttpResponse:
    """The login page with a word on the pause: the same for a name that there is and one that there is not."""
    last = AccessAttempt.objects.filter(ip_address=address_of(request), username=(credentials or {}).get("username"))
    failed_at = last.order_by("-attempt_time").values_list("attempt_time", flat=True).first() or timezone.now()
    context = {
        **admin.site.each_context(request),
        "title": "Log in",
        "app_path": request.get_full_path(),
        "form": (admin.site.login_form or AdminAuthenticationForm)(request),
        "locked_out": _sentence(failed_at + settings.AXES_COOLOFF_TIME),
    }
    return render(request, "admin/locked_out.html", context, status=429)


def _sentence(until: datetime) -> str:
    return (
        "Too many failed logins: nobody can log in with this name from your network "
        f"until {when(until)}. Then try again."
    )


@admin.register(AccessAttempt)
class AccessAttemptPages(LogPages):
    """Logins that failed, by name, address and browser, until a login succeeds or the pause is over."""

    list_display = ("username", "ip_address", "failures_since_start", moment("attempt_time", "Last"), "user_agent")
    search_fields = ("username__startswith",)
    search_help_text = "The beginning of the name"
    fields = (
        "username",
        "ip_address",
        "failures_since_start",
        moment("attempt_time", "Last"),
        "user_agent",
        "path_info",
    )
    readonly_fields = fields
    empty_hint = "Nobody has failed to log in lately."


@admin.register(AccessLog)
class AccessLogPages(LogPages):
    """Who logged in, and out, from where."""

    list_display = ("username", "ip_address", moment("attempt_time", "In"), moment("logout_time", "Out"), "user_agent")
    search_fields = ("username__startswith",)
    search_help_text = "The beginning of the name"
    fields = ("username", "ip_address", moment("attempt_time", "In"), moment("logout_time", "Out"), "user_agent")
    readonly_fields = fields
    empty_hint = "Nobody has logged in yet."
