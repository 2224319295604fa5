"""How fast mails may leave: limits for all mail, by sender and by recipients' domain."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from mailer.admin.base import Pages
from mailer.admin.columns import state_label
from mailer.models import SendingLimit
from mailer.sending.limits import used_now, window_of


@admin.register(SendingLimit)
class SendingLimitPages(Pages):
    """The limits, those for all mail first."""

    list_display = ("in_words", "state", "used", "kept_in_words")
    list_display_links = ("in_words",)
    fields = ("scope", "name", "mails", "per", "kept", "is_on")
    sortable_by = ()
    empty_hint = (
        "No limits: mails leave as fast as the mail server takes them. Add one if your provider allows so many a second"
        " or a day, or if a large mailbox provider asks you to slow down."
    )

    @admin.display(description="Limit")
    def in_words(self, limit: SendingLimit) -> str:
        """What it allows, and for what."""
        return str(limit)

    @admin.display(description="State")
    def state(self, limit: SendingLimit) -> str:
        """Whether it counts."""
        return state_label("active", "Applies") if limit.is_on else state_label("stopped", "Off")

    @admin.display(description="Used now")
    def used(self, limit: SendingLimit) -> str:
        """Of the window that ends now."""
        used = used_now(limit, timezone.now())
        return f"{used:,} of {limit.mails:,} in the last {limit.get_per_display()}"

    @admin.display(description="Kept for single mails")
    def kept_in_words(self, limit: SendingLimit) -> str:
        """In mails, rounded down as it is when counted."""
        return f"{window_of(limit).kept:,} mails ({limit.kept} %)"

    def get_queryset(self, request: HttpRequest) -> QuerySet[SendingLimit]:
        """With what is used up of each."""
        return super().get_queryset(request).select_related("use")
