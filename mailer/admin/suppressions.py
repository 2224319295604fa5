"""Addresses to which nothing goes."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from mailer.admin.access import may_see_addresses
from mailer.admin.columns import moment
from mailer.admin.exports import ExportPages
from mailer.insight.people import with_address
from mailer.models import Suppression


@admin.register(Suppression)
class SuppressionPages(ExportPages):
    """Suppressions: a fact about an address, with who said so."""

    list_display = ("email", "reason", "note", moment("created_at", "Since"), moment("expires_at", "Until"))
    list_filter = ("reason",)
    sortable_by = ("email",)
    search_fields = ("email",)
    search_help_text = "Address, or its beginning"
    fields = ("email", "reason", "note", "expires_at")
    readonly_fields = (moment("created_at", "Since"),)
    empty_hint = "No address is suppressed. Bounces and complaints add theirs here; you can add one by hand."

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
