"""The delivery log: one row for each mail to each recipient, and the attempts that failed."""

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html

from mailer.admin.base import AutocompleteSelectFilter, LogPages
from mailer.admin.columns import list_of, moment, page_link, page_of, related, state_label
from mailer.insight.batches import batch_of
from mailer.insight.people import find_recipient, ids_of_mails_to
from mailer.insight.stories import reason_in_words, server_answer, what_happened
from mailer.insight.words import when
from mailer.models import Attempt, Delivery, Mailing, Recipient
from mailer.sending.message_id import message_id


class ReasonFilter(admin.SimpleListFilter):
    """By why a mail was not simply sent."""

    title = "reason"
    parameter_name = "reason"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """All reasons."""
        return [(reason.value, str(reason.label)) for reason in Delivery.Reason if reason.value]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> QuerySet[Delivery]:
        """Those with the chosen reason."""
        return queryset.filter(reason=self.value()) if self.value() else queryset


@admin.register(Delivery)
class DeliveryPages(LogPages):
    """Deliveries, newest first. No column can be sorted by: that would sort the whole log."""

    list_display: tuple[Any, ...] = (
        "to",
        "part_of",
        "outcome",
        moment("sent_at", "Sent"),
        "attempts",
        "answer",
    )
    list_filter = ("status", ReasonFilter, ("mailing", AutocompleteSelectFilter))
    list_before_template = "admin/mailer/delivery_log.html"
    sortable_by = ()
    search_fields = ("recipient__email",)
    search_help_text = "The recipient's whole address"
    change_form_outer_before_template = "admin/mailer/delivery_story.html"
    empty_hint = "No mail was sent yet: a digest's page says when it goes next, and can send it now."

    def get_queryset(self, request: HttpRequest) -> QuerySet[Delivery]:
        """With all that a row shows; recipients apart, because a join would hide the mails of one who was deleted."""
        named = ("mailing__digest", "mailing__announcement", "mailing__list", "mailing__version__template")
        return super().get_queryset(request).select_related(*named).prefetch_related("recipient")

    def get_list_display(self, request: HttpRequest) -> tuple[Any, ...]:
        """Without the mailing where it is the same in each row."""
        columns = self.list_display
        return (columns[0], *columns[2:]) if "mailing__id__exact" in request.GET else columns

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """By id; within a mailing by recipient, which its unique index has in order, so a million need no sorting."""
        by_id = {"id__gte", "status__in"} & request.GET.keys()  # a batch, and what waits, have an index by id
        in_mailing = "mailing__id__exact" in request.GET and not by_id
        return ("-mailing_id", "-recipient_id") if in_mailing else ("-id",)

    def get_fieldsets(self, request: HttpRequest, obj: Delivery | None = None) -> list[Any]:
        """None: the page is all in its own template."""
        return []

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Delivery], search_term: str
    ) -> tuple[QuerySet[Delivery], bool]:
        """By the recipient's address, as insight finds a person's mails without an index on them."""
        if not search_term:
            return queryset, False
        recipient = find_recipient(search_term)
        return queryset.filter(pk__in=ids_of_mails_to(recipient) if recipient else []), False

    @admin.display(description="Recipient")
    def to(self, delivery: Delivery) -> str:
        """The address, or what is left of an erased person."""
        return _address(delivery)

    @admin.display(description="Mailing")
    def part_of(self, delivery: Delivery) -> str:
        """A link to the mailing, with its moment below the name."""
        mailing = delivery.mailing
        name = mailing.digest or mailing.announcement or mailing.list or mailing.version.template
        link = page_link(mailing, str(name))
        return format_html('<span class="post-when">{}<br>{}</span>', link, when(mailing.scheduled_for))

    @admin.display(description="State")
    def outcome(self, delivery: Delivery) -> str:
        """The state, with the reason in words below it."""
        label = state_label(delivery.status, delivery.get_status_display())
        reason = reason_in_words(delivery)
        return format_html('<span class="post-when">{}<br>{}</span>', label, reason) if reason else label

    @admin.display(description="Server's answer")
    def answer(self, delivery: Delivery) -> str:
        """The code and the beginning of the text."""
        return server_answer(delivery)[:60] or "–"

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The log, under a line that says how long it is kept."""
        context = {**(extra_context or {}), **_frame(request)}
        return super().changelist_view(request, context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The whole story of one mail."""
        delivery = self.get_object(request, object_id)
        story = {} if delivery is None else _story(delivery)
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **story})


@admin.register(Attempt)
class AttemptPages(LogPages):
    """Attempts that did not end in `sent`; a delivery's own page shows them too."""

    list_display = (
        moment("at", "When", sortable=False),
        related("delivery", "Delivery"),
        "outcome",
        "smtp_code",
        "text",
    )
    list_display_links = None
    sortable_by = ()
    list_select_related = ("delivery",)
    ordering = ("-id",)
    fields = (moment("at", "When"), "delivery", "outcome", "smtp_code", "smtp_text")
    readonly_fields = (moment("at", "When"),)
    empty_hint = "Every mail went out at its first attempt so far."

    @admin.display(description="Server's answer")
    def text(self, attempt: Attempt) -> str:
        """The beginning of what the server said."""
        return attempt.smtp_text[:100]


def _frame(request: HttpRequest) -> dict[str, Any]:
    """What stands above the log: how long it is kept, and to what it is narrowed by a link from another page."""
    first, last = request.GET.get("id__gte", ""), request.GET.get("id__lte", "")
    number = request.GET.get("mailing__id__exact", "")
    mailing = Mailing.objects.filter(pk=int(number)).first() if number.isdecimal() else None
    return {
        "retention_days": settings.LOG_RETENTION_DAYS,
        "batch_range": f"{first} to {last}" if first and last else "",
        "of_mailing": mailing,
        "whole_log": list_of(Delivery),
    }


def _story(delivery: Delivery) -> dict[str, Any]:
    person = _recipient_of(delivery)
    return {
        "recipient_page": page_of(person) if person else "",
        "delivery": delivery,
        "address": _address(delivery),
        "what_happened": what_happened(delivery),
        "answer": server_answer(delivery),
        "attempts": delivery.failed_attempts.all()[:50],
        "batch": batch_of(delivery),
        "message_id": message_id(delivery.pk),
        "all_mails": list_of(Delivery, f"q={_address(delivery)}"),
        "retention_days": settings.LOG_RETENTION_DAYS,
    }


def _address(delivery: Delivery) -> str:
    person = _recipient_of(delivery)
    return person.email if person else "erased recipient"


def _recipient_of(delivery: Delivery) -> Recipient | None:
    """The key has no constraint in the database, so the person may be gone; then nothing was prefetched."""
    found: Recipient | None = delivery._state.fields_cache.get("recipient")
    return found
