"""Who is on which list, and by whose word."""

from typing import Any

from django.contrib import admin
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from mailer.admin.access import may_see_addresses, shown_address
from mailer.admin.base import AutocompleteSelectFilter
from mailer.admin.columns import moment, related, state
from mailer.admin.exports import ExportPages
from mailer.admin.import_story import import_doors
from mailer.audience.consent import Word, note_changes, note_removals
from mailer.insight.people import with_address
from mailer.models import Recipient, Subscription


@admin.register(Subscription)
class SubscriptionPages(ExportPages):
    """Subscriptions, newest first; each change of one is kept in the person's history."""

    list_display = (
        "who",
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

    @admin.display(description="Recipient")
    def who(self, subscription: Subscription) -> str:
        """The address, as who looks may see it."""
        return shown_address(subscription.recipient.email)

    def get_readonly_fields(self, request: HttpRequest, obj: Subscription | None = None) -> tuple[str, ...]:
        """Who it is about stays: to put somebody else on the list is another subscription, and another word."""
        return () if obj is None else ("list", "recipient")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Subscription], search_term: str
    ) -> tuple[QuerySet[Subscription], bool]:
        """By the recipient's unique address."""
        if not search_term:
            return queryset, False
        people = with_address(Recipient.objects.all(), search_term, not may_see_addresses(request.user)).order_by()
        return queryset.filter(recipient__in=people.values("pk")), False

    def save_model(self, request: HttpRequest, obj: Subscription, form: Any, change: bool) -> None:
        """Remember who changed it, and when the person left; what is different goes into their history."""
        before = Subscription.objects.filter(pk=obj.pk).first() if change else None
        word = _word_of(request)
        obj.changed_by = word.by
        left = obj.status == Subscription.Status.UNSUBSCRIBED
        obj.unsubscribed_at = (obj.unsubscribed_at or word.at) if left else None
        with transaction.atomic():
            super().save_model(request, obj, form, change)
            if before is not None:
                note_changes(before, obj, word)

    def delete_model(self, request: HttpRequest, obj: Subscription) -> None:
        """What the row says of the past is kept."""
        self.delete_queryset(request, Subscription.objects.filter(pk=obj.pk))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Subscription]) -> None:
        """The same of several."""
        with transaction.atomic():
            note_removals(queryset, _word_of(request))
            super().delete_queryset(request, queryset)


def _word_of(request: HttpRequest) -> Word:
    return Word("staff", timezone.now(), request.user)
