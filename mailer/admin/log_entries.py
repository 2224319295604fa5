"""The page of changes: who did what to which object, newest first."""

from copy import copy
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.contrib.admin.models import DELETION, LogEntry
from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html

from mailer.admin.access import may_see_addresses, shown_text
from mailer.admin.base import LogPages, RangeDateFilter
from mailer.admin.changes import entry_in_words
from mailer.admin.columns import moment

#: Short words are not broken to make room for what was changed.
ONE_LINE = '<span style="white-space:nowrap">{}</span>'


class PersonFilter(admin.SimpleListFilter):
    """By who did it."""

    title = "person"
    parameter_name = "user"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Those who can have done anything here."""
        staff = get_user_model().objects.filter(is_staff=True).order_by("username")
        return [(str(pk), name) for pk, name in staff.values_list("pk", "username")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[LogEntry]) -> QuerySet[LogEntry]:
        """Theirs."""
        value = self.value() or ""
        return queryset.filter(user=int(value)) if value.isdecimal() else queryset


class KindFilter(admin.SimpleListFilter):
    """By the kind of object."""

    title = "kind"
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The kinds that the person may see."""
        found = [(str(pk), name) for pk, name in _kinds(request).items()]
        return sorted(found, key=lambda kind: kind[1])

    def queryset(self, request: HttpRequest, queryset: QuerySet[LogEntry]) -> QuerySet[LogEntry]:
        """The chosen kind."""
        value = self.value() or ""
        return queryset.filter(content_type=int(value)) if value.isdecimal() else queryset


class DayFilter(RangeDateFilter):
    """From one day until another, both included, by the project's clocks."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[LogEntry]) -> QuerySet[LogEntry]:
        """What is no date narrows nothing."""
        first, last = (_day(self.used_parameters.get(f"action_time_{end}")) for end in ("from", "to"))
        if first is not None:
            queryset = queryset.filter(action_time__gte=first)
        return queryset if last is None else queryset.filter(action_time__lt=last + timedelta(days=1))


@admin.register(LogEntry)
class LogEntryPages(LogPages):
    """Changes of what the person may see."""

    list_display = (moment("action_time", "When", sortable=False), "who", "kind", "what", "done")
    list_display_links = None
    sortable_by = ()
    ordering = ("-id",)
    list_filter = (PersonFilter, KindFilter, ("action_time", DayFilter))
    search_fields = ("object_repr", "change_message")
    search_help_text = "A word of the object's name or of what was done"
    fields = (moment("action_time", "When"), "who", "kind", "what", "done")
    readonly_fields = fields
    list_before_template = "admin/mailer/changes_kept.html"
    empty_hint = "Nobody has changed anything here yet."

    def __init__(self, model: type[LogEntry], admin_site: admin.AdminSite) -> None:
        """By the name that the page has everywhere else; the model's own would be a migration of Django's."""
        super().__init__(model, admin_site)
        self.opts = copy(model._meta)
        self.opts.verbose_name, self.opts.verbose_name_plural = "change", "changes"

    def get_queryset(self, request: HttpRequest) -> QuerySet[LogEntry]:
        """With the names; without the kinds that the person may not see."""
        rows = super().get_queryset(request).select_related("user", "content_type")
        return rows.filter(content_type__in=_kinds(request))

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The list, with how long it is kept."""
        kept = {"retention_days": settings.HISTORY_RETENTION_DAYS}
        return super().changelist_view(request, {**(extra_context or {}), **kept})

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> LogEntry | None:
        """As the person may see it, for the page's heading; nothing here is ever saved."""
        entry: LogEntry | None = super().get_object(request, object_id, from_field)
        if entry is not None:
            entry.object_repr, entry.change_message = self._texts_of(entry)
        return entry

    def _texts_of(self, entry: LogEntry) -> tuple[str, str]:
        return shown_text(entry.object_repr), shown_text(entry_in_words(entry))

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        """Who sees no addresses cannot ask for them either."""
        return self.search_fields if may_see_addresses(request.user) else ()

    @admin.display(description="Who")
    def who(self, entry: LogEntry) -> str:
        """The name to log in with."""
        return format_html(ONE_LINE, entry.user)

    @admin.display(description="Kind")
    def kind(self, entry: LogEntry) -> str:
        """What sort of object."""
        return format_html(ONE_LINE, str(entry.content_type.name).capitalize() if entry.content_type else "–")

    @admin.display(description="What")
    def what(self, entry: LogEntry) -> str:
        """The object, with a link unless it is gone."""
        name, url = shown_text(entry.object_repr), entry.get_admin_url()
        if entry.action_flag == DELETION or not url:
            return name
        return format_html('<a class="post-link" href="{}">{}</a>', url, name)

    @admin.display(description="Change")
    def done(self, entry: LogEntry) -> str:
        """From what to what."""
        return shown_text(entry_in_words(entry))


def _day(text: str | None) -> datetime | None:
    """The beginning of a day that is written as in `2026-11-23`."""
    try:
        return timezone.make_aware(datetime.fromisoformat(text or ""))
    except ValueError:
        return None


def _kinds(request: HttpRequest) -> dict[int, str]:
    """The content types whose objects the person may see, with their names."""
    seen = [model for model, pages in admin.site._registry.items() if pages.has_view_permission(request)]
    types = ContentType.objects.get_for_models(*seen)
    return {kind.pk: str(model._meta.verbose_name).capitalize() for model, kind in types.items()}
