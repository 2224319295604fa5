"""Alerts: what was wrong, since when, until when, and when the admins were told."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from mailer.admin.base import LogPages
from mailer.admin.columns import moment, state_label
from mailer.models import Alert

TIMES = (
    moment("since", "Since", sortable=False),
    moment("ended_at", "Until", sortable=False),
    moment("told_at", "Told", sortable=False),
)


@admin.register(Alert)
class AlertPages(LogPages):
    """Alerts, newest first."""

    list_display = ("title", "open", *TIMES)
    sortable_by = ()
    list_filter = (("ended_at", admin.EmptyFieldListFilter),)
    fields = ("title", "text", "open", *TIMES, moment("end_told_at", "Its end told"))
    empty_hint = "Nothing has been wrong so far. When something is, it is listed here and mailed to ADMIN_EMAILS."

    def get_readonly_fields(self, request: HttpRequest, obj: Alert | None = None) -> Any:
        """All of it."""
        return self.fields

    @admin.display(description="State")
    def open(self, alert: Alert) -> str:
        """Whether it goes on, if it is something that can."""
        if not alert.has_end:
            return state_label("stopped", "Happened")
        return state_label("silent", "Goes on") if alert.ended_at is None else state_label("done", "Over")
