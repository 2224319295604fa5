"""What all our admin pages share, and the only place that knows the admin theme, because it may be swapped."""

from typing import Any

from django.contrib import admin
from django.db import models
from django.db.models import Model
from django.forms import Field
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from unfold.admin import ModelAdmin, StackedInline, TabularInline
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.views import ChangeList
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminRadioSelectWidget,
    UnfoldAdminSelect2Widget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldAdminTimeWidget,
    UnfoldAdminURLInputWidget,
    UnfoldBooleanSwitchWidget,
)

from mailer.admin.paging import CappedPaginator
from mailer.models import TimeZoneField
from mailer.models.zones import known_time_zones

__all__ = [
    "AdminPasswordChangeForm",
    "AutocompleteSelectFilter",
    "LogPages",
    "Pages",
    "ReadOnlyRows",
    "Rows",
    "StackedInline",
    "UnfoldAdminCheckboxSelectMultipleWidget",
    "UnfoldAdminRadioSelectWidget",
    "UnfoldAdminSelect2Widget",
    "UnfoldAdminSelectWidget",
    "UnfoldAdminTextInputWidget",
    "UnfoldAdminTextareaWidget",
    "UnfoldAdminTimeWidget",
    "UnfoldAdminURLInputWidget",
    "UnfoldBooleanSwitchWidget",
    "UserChangeForm",
    "UserCreationForm",
    "zone_choices",
]


def zone_choices(empty: str = "") -> list[tuple[str, str]]:
    """All time zones for a select, after a first line for none if it is named."""
    first = [("", empty)] if empty else []
    return first + [(name, name.replace("_", " ")) for name in sorted(known_time_zones())]


class HonestChangeList(ChangeList):
    """A list whose heading claims no total that was not counted."""

    def get_results(self, request: HttpRequest) -> None:
        """The theme's heading is left out where there is no filter, and where the count stopped at its limit."""
        super().get_results(request)
        narrowed = self.has_active_filters or self.query
        if not narrowed or self.paginator.is_capped:
            self.full_result_count = self.result_count


class Pages(ModelAdmin):
    """A model's list and form, never counting a whole table."""

    paginator = CappedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_per_page = 50
    list_filter_submit = True
    empty_hint = ""  #: what to do next when there is nothing at all; shown on an empty list

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Ours, for its heading."""
        return HonestChangeList

    def formfield_for_dbfield(self, db_field: "models.Field[Any, Any]", request: HttpRequest, **kwargs: Any) -> Any:
        """Time zones are chosen from all that there are; moments say in which zone they are typed."""
        if isinstance(db_field, TimeZoneField):
            empty = "Not known: the list's" if db_field.blank else ""
            kwargs["widget"] = UnfoldAdminSelect2Widget(choices=zone_choices(empty))
        field: Field | None = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and isinstance(db_field, models.DateTimeField):
            field.help_text = f"{field.help_text} In {timezone.get_current_timezone_name()}.".strip()
        return field


class LogPages(Pages):
    """A log: to be read, by nobody to be added to, changed or deleted."""

    actions = None

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Without the button to a history of changes that cannot be."""
        context = {**(extra_context or {}), "show_history": False}
        return super().change_view(request, object_id, form_url, context)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nobody."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nobody."""
        return False


class Rows(TabularInline):
    """Related rows on a form."""

    extra = 0


class ReadOnlyRows(Rows):
    """Related rows to look at."""

    can_delete = False
    show_change_link = True

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nobody."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nobody."""
        return False
