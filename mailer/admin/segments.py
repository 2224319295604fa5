"""Segments: some of a list's people by plain conditions, counted while they are typed."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.forms import BaseInlineFormSet, Script, inlineformset_factory
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from mailer.admin.base import AutocompleteSelectFilter, Pages, Rows
from mailer.admin.columns import related
from mailer.admin.tallies import SCRIPT, begin_tally, continue_tally
from mailer.audience.tally import part_of_segment
from mailer.insight.known import known_of
from mailer.models import RecipientList, Segment, SegmentCondition

#: More conditions than this make no sentence.
MOST_CONDITIONS = 12
_FIELDS = ("rule", "attribute", "value")
_Conditions = inlineformset_factory(Segment, SegmentCondition, fields=_FIELDS, extra=0, max_num=MOST_CONDITIONS)


class ConditionRows(Rows):
    """What must be so of the segment's people."""

    model = SegmentCondition
    fields = _FIELDS
    extra = 1
    max_num = MOST_CONDITIONS
    verbose_name_plural = "Conditions; all of them must be so"

    def formfield_for_choice_field(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """An empty row chooses nothing: the theme would preselect the first rule, and then ask for its value."""
        choices = [("", "Choose …"), *SegmentCondition.Rule.choices]
        return super().formfield_for_choice_field(db_field, request, **{**kwargs, "choices": choices})


@admin.register(Segment)
class SegmentPages(Pages):
    """Segments by name."""

    list_display = ("name", related("list", "List"), "in_words")
    list_filter = (("list", AutocompleteSelectFilter),)
    list_select_related = ("list",)
    search_fields = ("name",)
    autocomplete_fields = ("list",)
    fields = ("name", "list")
    inlines = (ConditionRows,)
    change_form_outer_after_template = "admin/mailer/segment_story.html"
    empty_hint = "No segments yet: add one, such as all on News whose language is de. An announcement can go to it."

    class Media:
        js = (SCRIPT, Script("admin/mailer/segment.js", defer=True))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Segment]:
        """With what the words need."""
        return super().get_queryset(request).prefetch_related("conditions")

    @admin.display(description="Who is in it")
    def in_words(self, segment: Segment) -> str:
        """The list and the conditions."""
        return segment.in_words()

    def save_model(self, request: HttpRequest, obj: Segment, form: Any, change: bool) -> None:
        """Remember who made it."""
        if not change and request.user.is_authenticated:
            obj.created_by = request.user
        super().save_model(request, obj, form, change)

    def get_urls(self) -> list[URLPattern]:
        """The count and the suggestions beside the usual addresses."""
        views = {"count": self.count_view, "known": self.known_view}
        own = [
            path(f"{name}/", self.admin_site.admin_view(view), name=f"mailer_segment_{name}")
            for name, view in views.items()
        ]
        return [*own, *super().get_urls()]

    def count_view(self, request: HttpRequest) -> JsonResponse:
        """The next slice of the people whom the form, as it stands, would choose."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        mailing_list = _list_named(request.GET.get("list", ""))
        if mailing_list is None:
            return JsonResponse({"problem": "choose a list first"})
        # Each row is taken as a new one: those that are saved count as they are typed, too.
        typed = {name: text for name, text in request.GET.items() if not name.endswith(("-id", "-segment"))}
        said = {**typed, "conditions-INITIAL_FORMS": "0"}
        conditions = _Conditions(said, instance=Segment(), prefix="conditions")
        if not conditions.is_valid():
            return JsonResponse({"problem": "they are counted when the conditions are complete"})
        now = timezone.now()
        return continue_tally(request, part_of_segment(mailing_list, _filled(conditions), now), now)

    def known_view(self, request: HttpRequest) -> JsonResponse:
        """What the list's newest people have for attributes and languages, to choose from while typing."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        mailing_list = _list_named(request.GET.get("list", ""))
        return JsonResponse(known_of(mailing_list) if mailing_list else {})

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The form, and below it how many people are in it."""
        segment = self.get_object(request, object_id) if object_id else None
        now = timezone.now()
        parts = part_of_segment(segment.list, segment.conditions.all(), now) if segment else []
        story = {
            "count": begin_tally(request, parts, reverse("admin:mailer_segment_count"), now),
            "known_url": reverse("admin:mailer_segment_known"),
        }
        return super().changeform_view(request, object_id, form_url, {**(extra_context or {}), **story})


def _filled(formset: "BaseInlineFormSet[SegmentCondition, Segment, Any]") -> list[SegmentCondition]:
    """The conditions of the rows that are filled in and not struck out."""
    return [form.instance for form in formset.forms if form.has_changed() and form not in formset.deleted_forms]


def _list_named(text: str) -> RecipientList | None:
    return RecipientList.objects.filter(pk=int(text)).first() if text.isdecimal() and len(text) < 19 else None
