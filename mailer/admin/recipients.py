"""People: their lists, their suppression, their last mails."""

from typing import Any
from urllib.parse import quote

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from mailer.admin.access import may_see_addresses, sees
from mailer.admin.base import AutocompleteSelectFilter, Rows
from mailer.admin.columns import list_of, moment, related, state
from mailer.admin.exports import ExportPages
from mailer.admin.import_story import import_doors
from mailer.insight.people import last_mails_to, suppression_of, with_address
from mailer.models import Delivery, Recipient, Subscription

#: How many mails the recipient's own page shows.
LAST_MAILS = 20


class SubscriptionRows(Rows):
    """The lists that a recipient is or was on."""

    model = Subscription
    fields = ("list", "status", "cadence", "source")
    autocomplete_fields = ("list",)
    show_change_link = True


@admin.register(Recipient)
class RecipientPages(ExportPages):
    """Recipients, newest first."""

    list_display = ("email", "name", "time_zone", "language", moment("created_at", "Since", sortable=False))
    sortable_by = ("email",)
    search_fields = ("email",)
    search_help_text = "Address, or its beginning"
    fields = ("email", "name", "time_zone", "language", "attributes")
    inlines = (SubscriptionRows,)
    change_form_outer_after_template = "admin/mailer/recipient_mails.html"
    empty_hint = "No recipients yet: choose “Import recipients” above, or add one."

    def doors(self, request: HttpRequest, shown: Any) -> list[tuple[str, str]]:
        """Import, and export."""
        return [*import_doors(request), *super().doors(request, shown)]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Recipient], search_term: str
    ) -> tuple[QuerySet[Recipient], bool]:
        """By the unique address."""
        whole = not may_see_addresses(request.user)
        return (with_address(queryset, search_term, whole) if search_term else queryset), False

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The form, and below it what was sent to the person."""
        recipient = self.get_object(request, object_id)
        story = {} if recipient is None else _story(recipient)
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **story})


@admin.register(Subscription)
class SubscriptionPages(ExportPages):
    """Who is on which list, and by whose word."""

    list_display = (
        "recipient",
        related("list", "List"),
        state(),
        "cadence",
        "source",
        moment("subscribed_at", "Since", sortable=False),
    )
    sortable_by = ()
    list_filter = (("list", AutocompleteSelectFilter), "status")
    list_select_related = ("recipient", "list")
    search_fields = ("recipient__email",)
    search_help_text = "Address, or its beginning"
    autocomplete_fields = ("recipient", "list")
    fields = ("list", "recipient", "status", "cadence", "paused_until", "source")
    empty_hint = "Nobody here yet: choose “Import recipients” above, or add a subscriber."

    def doors(self, request: HttpRequest, shown: Any) -> list[tuple[str, str]]:
        """Import, and export."""
        return [*import_doors(request), *super().doors(request, shown)]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Subscription], search_term: str
    ) -> tuple[QuerySet[Subscription], bool]:
        """By the recipient's unique address."""
        if not search_term:
            return queryset, False
        people = with_address(Recipient.objects.all(), search_term, not may_see_addresses(request.user)).order_by()
        return queryset.filter(recipient__in=people.values("pk")), False

    def save_model(self, request: HttpRequest, obj: Subscription, form: Any, change: bool) -> None:
        """Remember who changed it, and when the person left."""
        if request.user.is_authenticated:
            obj.changed_by = request.user
        left = obj.status == Subscription.Status.UNSUBSCRIBED
        obj.unsubscribed_at = (obj.unsubscribed_at or timezone.now()) if left else None
        super().save_model(request, obj, form, change)


def _story(recipient: Recipient) -> dict[str, Any]:
    return {
        "mails": last_mails_to(recipient, LAST_MAILS),
        "suppression": suppression_of(recipient, timezone.now()),
        "all_mails": list_of(Delivery, f"q={quote(recipient.email)}") if sees(recipient.email) else "",
    }
