"""What digests are made of."""

from django.contrib import admin

from mailer.admin.base import AutocompleteSelectFilter, Pages
from mailer.admin.columns import moment, related
from mailer.models import DigestItem


@admin.register(DigestItem)
class DigestItemPages(Pages):
    """Items, newest first."""

    list_display = (
        "title",
        related("list", "List"),
        "category",
        moment("published_at", "Published"),
        related("recipient", "Only for"),
        "hidden",
    )
    list_filter = (("list", AutocompleteSelectFilter), "is_hidden")
    list_select_related = ("list", "recipient")
    search_fields = ("title",)
    search_help_text = "A word of the title"
    autocomplete_fields = ("list", "recipient")
    fieldsets = (
        (None, {"fields": ("list", "title", "summary", "url", "published_at")}),
        ("More", {"fields": ("image_url", "category", "recipient", "is_hidden", "external_id")}),
    )
    empty_hint = "No items yet: add one, or load a file with `manage.py import_items LIST FILE`."

    @admin.display(description="Hidden")
    def hidden(self, item: DigestItem) -> str:
        """A word where it is: most are not, and a row of crosses looks like a row of faults."""
        return "hidden" if item.is_hidden else "–"
