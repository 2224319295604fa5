"""Task results: what each Celery task reported, with links to the mails that it sent."""

import json
from datetime import datetime
from typing import Any

import django_celery_results.admin  # noqa: F401 - whose pages these replace
from celery import states
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django_celery_results.models import GroupResult, TaskResult

from mailer.admin.base import LogPages
from mailer.admin.columns import list_of, moment, state
from mailer.admin.filters import unquoted as _unquoted
from mailer.insight.batches import BatchSummary, Failure, read_result, read_summary
from mailer.insight.reports import called, report_of
from mailer.insight.words import how_long, when
from mailer.models import Attempt, Delivery, Mailing
from mailer.models.mailings import NAMED

#: How Celery writes that a task was given nothing.
_NONE = ("", "()", "[]", "{}", "null")

admin.site.unregister(TaskResult)
admin.site.unregister(GroupResult)


@admin.register(TaskResult)
class TaskResultPages(LogPages):
    """Results, newest first."""

    list_display = ("what", state(), "said", moment("date_done", "Finished", sortable=False), "took", "who")
    list_filter = ("status", "task_name")
    ordering = ("-date_done",)
    sortable_by = ()
    search_fields = ("task_id",)
    search_help_text = "The whole task id"
    change_form_outer_before_template = "admin/mailer/result_story.html"
    empty_hint = "No task has reported yet: the first results come when a worker has sent a batch."

    def get_queryset(self, request: HttpRequest) -> QuerySet[TaskResult]:
        """The list needs neither traceback nor meta, which are long."""
        rows = super().get_queryset(request)
        match = request.resolver_match
        return rows if match and match.kwargs else rows.defer("traceback", "meta", "task_kwargs")

    def get_fieldsets(self, request: HttpRequest, obj: TaskResult | None = None) -> list[Any]:
        """None: the page is all in its own template."""
        return []

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[TaskResult], search_term: str
    ) -> tuple[QuerySet[TaskResult], bool]:
        """By the unique id."""
        return (queryset.filter(task_id=search_term.strip()) if search_term else queryset), False

    @admin.display(description="Task")
    def what(self, result: TaskResult) -> str:
        """The task's name without its module."""
        return _name(result)

    @admin.display(description="Report")
    def said(self, result: TaskResult) -> str:
        """The summary's counts, or the beginning of what else it returned."""
        summary = read_summary(result)
        if summary is None:
            return report_of(result).sentence or _short(read_result(result))
        return f"Mailing {summary.mailing}: {_counts_in_words(summary)}."

    @admin.display(description="Took")
    def took(self, result: TaskResult) -> str:
        """From its start to its end, where both are known."""
        if result.status == states.STARTED:
            return "not finished"
        started: datetime | None = getattr(result, "date_started", None)
        return how_long(result.date_done - started) if started else _own_seconds(result)

    @admin.display(description="Worker")
    def who(self, result: TaskResult) -> str:
        """Its name, on one line."""
        return format_html('<span style="white-space:nowrap">{}</span>', getattr(result, "worker", None) or "–")

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The report in words and tables."""
        result = self.get_object(request, object_id)
        story = {} if result is None else _story(result, self.took(result)) | {"original": _Titled(result)}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **story})


@admin.register(GroupResult)
class GroupResultPages(LogPages):
    """Results of Celery groups; the service makes none of its own."""

    list_display = ("group_id", moment("date_done", "Finished"))
    fields = ("group_id", moment("date_created", "Made"), moment("date_done", "Finished"), "result")
    readonly_fields = (moment("date_created", "Made"), moment("date_done", "Finished"), "result")
    empty_hint = "No groups were run."


class _Titled:
    """A result under a name that says more than its id, for the page's heading."""

    def __init__(self, result: TaskResult) -> None:
        self._result = result

    def __str__(self) -> str:
        return f"{_name(self._result)}, {when(self._result.date_done)}"

    def __getattr__(self, name: str) -> Any:
        return getattr(self._result, name)


def _name(result: TaskResult) -> str:
    return str(result.task_name or "unnamed").removeprefix("mailer.tasks.")


def _story(result: TaskResult, took: str) -> dict[str, Any]:
    summary = read_summary(result)
    content, report = read_result(result), report_of(result)
    return {
        "result": result,
        "took": took,
        "arguments": [text for text in map(_unquoted, (result.task_args, result.task_kwargs)) if text not in _NONE],
        "summary": summary,
        "figures": [(called(name), count) for name, count in summary.counts.items()] if summary else report.figures,
        "report": report,
        "mailings": Mailing.objects.select_related(*NAMED).filter(pk__in=report.mailings),
        "raw": content if isinstance(content, str) else json.dumps(content, indent=2, ensure_ascii=False),
        **(_links(summary) if summary else {}),
    }


def _links(summary: BatchSummary) -> dict[str, Any]:
    failed = [failure.delivery for failure in summary.failures]
    there = set(Delivery.objects.filter(pk__in=failed).values_list("pk", flat=True))
    in_range = f"mailing__id__exact={summary.mailing}&id__gte={summary.first}&id__lte={summary.last}"
    return {
        "batch_mailing": Mailing.objects.select_related(*NAMED).filter(pk=summary.mailing).first(),
        "batch_deliveries": list_of(Delivery, in_range),
        "failures": [(failure, _why(failure), _delivery_page(failure.delivery, there)) for failure in summary.failures],
    }


def _why(failure: Failure) -> str:
    """A batch names a reason of ours, or else how the attempt ended."""
    if failure.reason in Attempt.ENDS:
        answered, mute = Attempt.ENDS[failure.reason]
        return answered if failure.code else mute
    return str(dict(Delivery.Reason.choices).get(failure.reason, failure.reason))


def _delivery_page(pk: int, there: set[int]) -> str:
    return reverse("admin:mailer_delivery_change", args=[pk]) if pk in there else ""


def _counts_in_words(summary: BatchSummary) -> str:
    return ", ".join(f"{called(name)} {count:,}" for name, count in summary.counts.items() if count) or "nothing to do"


def _own_seconds(result: TaskResult) -> str:
    summary = read_summary(result)
    return f"{summary.seconds:.1f} s" if summary else "–"


def _short(content: Any) -> str:
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
    return f"{text[:80]}…" if len(text) > 80 else text
