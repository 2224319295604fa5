"""What all our admin pages share, and the only place that knows the admin theme, because it may be swapped."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.db.models import Model
from django.db.models.constants import LOOKUP_SEP
from django.forms import Field
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.html import format_html
from unfold.admin import ModelAdmin, StackedInline, TabularInline, checkbox
from unfold.contrib.filters.admin import AutocompleteSelectFilter, RangeDateFilter
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.views import ChangeList
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminColorInputWidget,
    UnfoldAdminFileFieldWidget,
    UnfoldAdminRadioSelectWidget,
    UnfoldAdminSelect2Widget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldAdminTimeWidget,
    UnfoldAdminURLInputWidget,
    UnfoldBooleanSwitchWidget,
)

from mailer.admin.access import may_see_addresses
from mailer.admin.changes import MOST_SHOWN, change_in_words, changes_of
from mailer.admin.cheap_options import CheapOptions, drawn_once, zone_choices
from mailer.admin.columns import Column, masked
from mailer.admin.paging import CappedPaginator
from mailer.models import AddressField, TimeZoneField

#: What answers a request for one of a page's own addresses.
View = Callable[..., HttpResponse]

__all__ = [
    "AdminPasswordChangeForm",
    "AutocompleteSelectFilter",
    "LogPages",
    "Pages",
    "RangeDateFilter",
    "ReadOnlyRows",
    "Rows",
    "StackedInline",
    "UnfoldAdminCheckboxSelectMultipleWidget",
    "UnfoldAdminColorInputWidget",
    "UnfoldAdminFileFieldWidget",
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
    "View",
    "ZoneSelect",
    "zone_choices",
]

#: The fields of people and suppressions that only some may read in full: the address, and what was said of it.
PERSONAL = ("email", "note")


class ZoneSelect(CheapOptions, UnfoldAdminSelect2Widget):
    """One of all time zones."""


class HonestChangeList(ChangeList):
    """A list whose heading claims no total that was not counted."""

    def get_results(self, request: HttpRequest) -> None:
        """The theme's heading is left out where there is no filter, and where the count stopped at its limit."""
        super().get_results(request)
        narrowed = self.has_active_filters or self.query
        if not narrowed or self.paginator.is_capped:
            self.full_result_count = self.result_count
        self.doors = self.model_admin.doors(request, self)
        self.opts = self.model_admin.opts  # where the pages have a name of their own


class Pages(ModelAdmin):
    """A model's list and form, never counting a whole table."""

    paginator = CappedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_per_page = 50
    list_filter_submit = True
    empty_hint = ""  #: what to do next when there is nothing at all; shown on an empty list

    def doors(self, request: HttpRequest, shown: ChangeList) -> list[tuple[str, str]]:
        """Links above a list to what can be done with it as it is filtered: what they say, and where they lead."""
        return []

    def own_urls(self, views: Mapping[str, View]) -> list[URLPattern]:
        """`<pk>/name/` for each view, called `mailer_MODEL_name`."""
        prefix = f"mailer_{self.opts.model_name}"
        return [
            path(f"<int:pk>/{name}/", self.admin_site.admin_view(view), name=f"{prefix}_{name}")
            for name, view in views.items()
        ]

    @admin.display(description=ModelAdmin.action_checkbox.short_description)
    def action_checkbox(self, obj: Model) -> str:
        """The theme's box, drawn once and not for each row."""
        return format_html(drawn_once(checkbox, ACTION_CHECKBOX_NAME), obj.pk)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Ours, for its heading."""
        return HonestChangeList

    def formfield_for_dbfield(self, db_field: "models.Field[Any, Any]", request: HttpRequest, **kwargs: Any) -> Any:
        """Time zones are chosen from all that there are; moments say in which zone they are typed."""
        if isinstance(db_field, TimeZoneField):
            empty = "Not known: the list's" if db_field.blank else ""
            kwargs["widget"] = ZoneSelect(choices=zone_choices(empty))
        field: Field | None = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and isinstance(db_field, models.DateTimeField):
            field.help_text = f"{field.help_text} In {timezone.get_current_timezone_name()}.".strip()
        return field

    def get_list_display(self, request: HttpRequest) -> Any:
        """A person's address as whoever looks may see it."""
        return self._masked(super().get_list_display(request))

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """On the form too, where it can't be changed by those who don't see it."""
        fieldsets = super().get_fieldsets(request, obj)
        if obj is None or may_see_addresses(request.user):
            return fieldsets
        return [(title, {**options, "fields": self._masked(options["fields"])}) for title, options in fieldsets]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """With what stands in an address's place."""
        return [*super().get_readonly_fields(request, obj), *self._personal.values()]

    def get_sortable_by(self, request: HttpRequest) -> Any:
        """Addresses are sorted as ever."""
        return self._masked(super().get_sortable_by(request))

    @cached_property
    def _personal(self) -> dict[str, Column]:
        """The fields that hold a person's address, and what is shown in their place; a list's own is no secret."""
        fields = {field.name: field for field in self.opts.fields if field.name in PERSONAL}
        if not isinstance(fields.get("email"), AddressField):
            return {}
        return {name: masked(name, str(field.verbose_name).capitalize()) for name, field in fields.items()}

    def _masked(self, names: Iterable[Any]) -> list[Any]:
        return [self._personal.get(name, name) for name in names]

    def construct_change_message(self, request: HttpRequest, form: Any, formsets: Any, add: bool = False) -> str:
        """From what to what, in words."""
        return change_in_words(form, formsets, add)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """The form, and at its end who changed the object last."""
        obj = context.get("original")
        if obj is not None:
            concerned = self.history_of(obj)
            context["last_changes"] = changes_of(concerned)[:MOST_SHOWN]
        return super().render_change_form(request, context, *args, **kwargs)

    def history_of(self, obj: Model) -> list[Model]:
        """The objects whose changes are changes of this one; itself at least."""
        return [obj]

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Who sees no addresses cannot find them out letter by letter from the address of a page either."""
        if request is not None and not may_see_addresses(request.user) and self._asks_for_text(lookup):
            return False
        return super().lookup_allowed(lookup, value, request)

    def _asks_for_text(self, lookup: str) -> bool:
        """Whether a lookup such as `recipient__email__startswith` ends at a text that is not one of a few choices."""
        field: Any = None
        options = self.opts
        for name in lookup.split(LOOKUP_SEP):
            try:
                field = options.get_field(name)
            except FieldDoesNotExist:
                break
            options = field.related_model._meta if field.related_model else options
        return isinstance(field, models.CharField | models.TextField | models.JSONField) and not field.choices


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
