"""What came back: reports on mails, and in numbers what else came in by each door."""

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import Sum
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from mailer.admin.access import shown_text
from mailer.admin.base import LogPages
from mailer.admin.columns import moment, related
from mailer.models import Return, ReturnCount

#: How far back the numbers above the list go.
DAYS = 7


@admin.register(Return)
class ReturnPages(LogPages):
    """Reports, newest first."""

    list_display = (moment("at", "When", sortable=False), related("delivery", "Delivery"), "said", "answer", "door")
    list_display_links = None
    list_filter = ("outcome",)
    list_before_template = "admin/mailer/return_counts.html"
    list_select_related = ("delivery",)
    sortable_by = ()
    fields = (moment("at", "When"), "delivery", "said", "status", "answer", "names_other", "door")
    readonly_fields = (moment("at", "When"), "said", "answer", "door")
    empty_hint = "Nothing has come back. docs/bounces.md says how reports find their way here."

    @admin.display(description="What it says")
    def said(self, row: Return) -> str:
        """In words."""
        sentence = str(row.get_outcome_display())
        return f"{sentence[0].upper()}{sentence[1:]}"

    @admin.display(description="Server's answer")
    def answer(self, row: Return) -> str:
        """Status and words, as whoever looks may see them."""
        return shown_text(row.answer)[:200]

    @admin.display(description="Door")
    def door(self, row: Return) -> str:
        """By which it came."""
        return str(row.get_source_display())

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """With the numbers of the last days."""
        return super().changelist_view(request, {**(extra_context or {}), "counts": _counts(), "days": DAYS})


def _counts() -> list[tuple[str, int]]:
    """What came in within the last days, in words and numbers, most first; also what nothing followed from."""
    since = timezone.now().date() - timedelta(days=DAYS - 1)
    rows = ReturnCount.objects.filter(day__gte=since).order_by().values_list("what").annotate(Sum("count"))
    words = {**dict(Return.Outcome.choices), **dict(ReturnCount.What.choices)}
    return sorted(((words.get(what, what), count) for what, count in rows), key=lambda row: -row[1])
