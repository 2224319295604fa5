"""Celery-beat's own pages, with the same behaviour, in the theme's clothes and with times that carry their zone."""

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest
from django_celery_beat.admin import (
    ClockedScheduleAdmin,
    CrontabScheduleAdmin,
    PeriodicTaskAdmin,
    PeriodicTaskForm,
    PeriodicTaskInline,
    TaskSelectWidget,
)
from django_celery_beat.models import (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    SolarSchedule,
)

from mailer.admin.access import may_send
from mailer.admin.base import Pages, ReadOnlyRows, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget, ZoneSelect
from mailer.admin.columns import moment, page_link
from mailer.scheduling.schedules import UnknownDigest, UnusableTask, check_periodic_task

for model in (PeriodicTask, CrontabSchedule, IntervalSchedule, ClockedSchedule, SolarSchedule):
    admin.site.unregister(model)

#: A periodic task has one of these.
_SCHEDULES = ("crontab", "interval", "solar", "clocked")


class TaskSelect(UnfoldAdminSelectWidget, TaskSelectWidget):
    """Beat's choice of the registered tasks, as the theme draws a select."""


class TaskForm(PeriodicTaskForm):
    """Beat's form, whose two own fields know nothing of the theme."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Same arguments as a ModelForm."""
        super().__init__(*args, **kwargs)
        if "regtask" in self.fields:
            self.fields["regtask"].widget = TaskSelect()
            self.fields["regtask"].help_text = "Choosing one replaces the custom task below."
            self.fields["task"].widget = UnfoldAdminTextInputWidget()

    def clean(self) -> dict[str, Any]:
        """A digest's task must name a digest or a list that there is."""
        cleaned: dict[str, Any] = super().clean()
        named = {
            name: cleaned.get(name) for name in ("task", "args", "kwargs", "crontab", "interval", "solar", "clocked")
        }
        try:
            check_periodic_task(PeriodicTask(name=cleaned.get("name") or "new", **named))
        except UnknownDigest as error:
            self.add_error("args", f'{error} Write its slug as in ["news"].')
        except UnusableTask as error:
            self.add_error("crontab", str(error))
        return cleaned


class TaskRows(ReadOnlyRows):
    """The tasks that go by a schedule."""

    model = PeriodicTask
    fields = PeriodicTaskInline.fields
    readonly_fields = PeriodicTaskInline.fields
    verbose_name_plural = "periodic tasks that use this schedule"


@admin.register(PeriodicTask)
class PeriodicTaskPages(PeriodicTaskAdmin, Pages):
    """What beat starts, and when; a digest's own page edits the same row."""

    form = TaskForm
    date_hierarchy = None
    list_display = ("name", "enabled", "scheduler", "of_digest", moment("last_run_at", "Last run"), "one_off")
    list_filter = ("enabled", "one_off", "task")
    readonly_fields = ("last_run_at", "crontab_translation")

    def get_queryset(self, request: HttpRequest) -> QuerySet[PeriodicTask]:
        """With the schedule and the digest."""
        return super().get_queryset(request).select_related("digest", "interval", "crontab", "solar", "clocked")

    def has_run_permission(self, request: HttpRequest) -> bool:
        """To run a digest's task by hand is to ask for mail."""
        return may_send(request.user)

    @admin.action(description="Switch on", permissions=["change"])
    def enable_tasks(self, request: HttpRequest, queryset: QuerySet[PeriodicTask]) -> None:
        """Upstream asks for no permission, and does not say who did it; so with the other actions."""
        self._log_each(request, queryset, "Switched on.")
        super().enable_tasks(request, queryset)

    @admin.action(description="Switch off", permissions=["change"])
    def disable_tasks(self, request: HttpRequest, queryset: QuerySet[PeriodicTask]) -> None:
        """What falls due meanwhile is skipped."""
        self._log_each(request, queryset, "Switched off.")
        super().disable_tasks(request, queryset)

    @admin.action(description="Switch those that are off on, and the others off", permissions=["change"])
    def toggle_tasks(self, request: HttpRequest, queryset: QuerySet[PeriodicTask]) -> None:
        """Each the other way."""
        self._log_each(request, queryset.filter(enabled=True), "Switched off.")
        self._log_each(request, queryset.filter(enabled=False), "Switched on.")
        super().toggle_tasks(request, queryset)

    @admin.action(description="Run now", permissions=["run"])
    def run_tasks(self, request: HttpRequest, queryset: QuerySet[PeriodicTask]) -> None:
        """A digest whose time has not come does nothing; its own page sends it at once."""
        self._log_each(request, queryset, "Run by hand.")
        super().run_tasks(request, queryset)

    def _log_each(self, request: HttpRequest, tasks: QuerySet[PeriodicTask], message: str) -> None:
        for task in tasks:
            self.log_change(request, task, message)

    @admin.display(description="Digest")
    def of_digest(self, task: PeriodicTask) -> str:
        """The digest whose schedule this is."""
        return page_link(getattr(task, "digest", None))

    @admin.display(description="Crontab in words")
    def crontab_translation(self, task: PeriodicTask) -> str:
        """Upstream fails on a task without a crontab."""
        return str(task.crontab.human_readable) if task.crontab else "–"


@admin.register(CrontabSchedule)
class CrontabPages(CrontabScheduleAdmin, Pages):
    """Crontabs; a new one begins in the project's zone, because upstream's default is UTC."""

    inlines = (TaskRows,)

    def formfield_for_dbfield(self, db_field: "models.Field[Any, Any]", request: HttpRequest, **kwargs: Any) -> Any:
        """The zones in our own select, which is drawn at once."""
        if db_field.name == "timezone":
            kwargs["widget"] = ZoneSelect
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """The zone, unless the address names another."""
        return {"timezone": settings.PROJECT_TIME_ZONE, **super().get_changeform_initial_data(request)}


@admin.register(ClockedSchedule)
class ClockedPages(ClockedScheduleAdmin, Pages):
    """Single moments."""

    list_display = (moment("clocked_time", "At"),)
    inlines = (TaskRows,)


@admin.register(IntervalSchedule, SolarSchedule)
class SchedulePages(Pages):
    """Intervals and the sun's times."""

    inlines = (TaskRows,)
