"""Addresses to which nothing goes, those to which something goes again, and people who were erased."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern
from django.utils import timezone
from django.views.decorators.http import require_POST

from mailer.admin.access import may_see_addresses
from mailer.admin.base import LogPages
from mailer.admin.columns import list_of, moment, page_of, related
from mailer.admin.exports import ExportPages
from mailer.admin.person_forms import NoteForm, problems
from mailer.audience.suppressions import lift_suppression
from mailer.insight.people import find_recipient, with_address
from mailer.models import Erasure, LiftedSuppression, Suppression

SINCE = moment("created_at", "Since")


@admin.register(Suppression)
class SuppressionPages(ExportPages):
    """Suppressions: a fact about an address, with who said so. One is not deleted but lifted, with a note."""

    list_display = ("email", "reason", "note", SINCE, moment("expires_at", "Until"))
    list_filter = ("reason",)
    sortable_by = ("email",)
    search_fields = ("email",)
    search_help_text = "Address, or its beginning"
    change_form_outer_before_template = "admin/mailer/suppression_lift.html"
    empty_hint = "No address is suppressed. Bounces and complaints add theirs here; you can add one by hand."

    def doors(self, request: HttpRequest, shown: Any) -> list[tuple[str, str]]:
        """What holds no more, who was erased, and export."""
        past = [("Lifted and expired", list_of(LiftedSuppression)), ("Erased people", list_of(Erasure))]
        return [*past, *super().doors(request, shown)]

    def get_fields(self, request: HttpRequest, obj: Suppression | None = None) -> tuple[Any, ...]:
        """Of one that is there, also since when and by whom."""
        told = ("email", "reason", "note", "expires_at")
        return told if obj is None else (*told, SINCE, "created_by")

    def get_readonly_fields(self, request: HttpRequest, obj: Suppression | None = None) -> Any:
        """What happened stays; the note and the end can be changed."""
        fixed = () if obj is None else ("email", "reason", SINCE, "created_by")
        return [*super().get_readonly_fields(request, obj), *fixed]

    def has_delete_permission(self, request: HttpRequest, obj: Suppression | None = None) -> bool:
        """Nobody: it would leave no trace of who did it and why."""
        return False

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Suppression], search_term: str
    ) -> tuple[QuerySet[Suppression], bool]:
        """By the unique address."""
        whole = not may_see_addresses(request.user)
        return (with_address(queryset, search_term, whole) if search_term else queryset), False

    def save_model(self, request: HttpRequest, obj: Suppression, form: Any, change: bool) -> None:
        """Remember who suppressed the address."""
        if not change and request.user.is_authenticated:
            obj.created_by = request.user
        super().save_model(request, obj, form, change)

    def get_urls(self) -> list[URLPattern]:
        """Lifting beside the usual addresses."""
        return [*self.own_urls({"lift": require_POST(self.lift_view)}), *super().get_urls()]

    def lift_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Mail goes to the address again; who said so and why is kept."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        held = self.get_object(request, str(pk))
        if held is None:
            raise Http404("There is no such suppression; it may be lifted already.")
        form = NoteForm(request.POST)
        if not form.is_valid():
            self.message_user(request, problems(form), messages.ERROR)
            return HttpResponseRedirect(page_of(held))
        self.log_change(request, held, f"Lifted: {form.cleaned_data['note']}")
        lift_suppression(held, form.cleaned_data["note"], request.user, timezone.now())
        self.message_user(request, "Lifted: mail goes to this address again.", messages.SUCCESS)
        return HttpResponseRedirect(list_of(Suppression))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The form, under what can be done about it and whom it is about."""
        held = self.get_object(request, object_id)
        context = {} if held is None else {"held": held, "person": find_recipient(held.email)}
        may_lift = self.has_change_permission(request)
        return super().change_view(
            request, object_id, form_url, {**(extra_context or {}), **context, "may_lift": may_lift}
        )


@admin.register(LiftedSuppression)
class LiftedSuppressionPages(LogPages):
    """What once kept mail from an address, and by whom and why it was lifted."""

    list_display = ("email", "reason", moment("created_at", "From"), moment("lifted_at", "Until"), "lift_note")
    list_filter = ("reason",)
    sortable_by = ()
    search_fields = ("email",)
    search_help_text = "The whole address, or its beginning"
    fields = (
        "email",
        "reason",
        "note",
        moment("created_at", "From"),
        "created_by",
        moment("lifted_at", "Until"),
        "lifted_by",
        "lift_note",
    )
    readonly_fields = tuple(name for name in fields if callable(name))
    empty_hint = "No suppression was lifted, and none has run out."

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[LiftedSuppression], search_term: str
    ) -> tuple[QuerySet[LiftedSuppression], bool]:
        """By the address."""
        whole = not may_see_addresses(request.user)
        return (with_address(queryset, search_term, whole) if search_term else queryset), False


@admin.register(Erasure)
class ErasurePages(LogPages):
    """That people were erased, when and by whom; who they were, nobody can say."""

    list_display = (
        "__str__",
        moment("erased_at", "When"),
        related("erased_by", "By"),
        "note",
        moment("lifted_at", "Lifted"),
    )
    list_select_related = ("erased_by",)
    sortable_by = ()
    fields = (
        moment("erased_at", "When"),
        "erased_by",
        "note",
        moment("struck_at", "Out of the files of imports"),
        moment("lifted_at", "Lifted"),
        "lifted_by",
        "lift_note",
    )
    readonly_fields = tuple(name for name in fields if callable(name))
    empty_hint = "Nobody was erased. A person's own page can do it."
