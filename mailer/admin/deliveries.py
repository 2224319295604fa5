"""The delivery log: one row for each mail to each recipient, and the attempts that failed."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from mailer.admin.access import may_see_addresses, may_see_mail, may_send, shown_address, shown_text
from mailer.admin.as_sent import AsSentPages
from mailer.admin.base import LogPages
from mailer.admin.columns import list_of, moment, page_of, related
from mailer.admin.delivery_control import DeliveryControl
from mailer.admin.delivery_log import find_all, find_page
from mailer.admin.exports import ExportPages
from mailer.admin.log_form import LogForm, read_form
from mailer.insight.batches import batch_of
from mailer.insight.exactness import made_at
from mailer.insight.exports import stream_deliveries
from mailer.insight.stories import reason_in_words, server_answer, time_line, what_happened
from mailer.insight.words import when_near
from mailer.models import Attempt, Delivery, Mailing, Recipient
from mailer.models.deliveries import NAMED
from mailer.sending.message_id import message_id


@admin.register(Delivery)
class DeliveryPages(AsSentPages, DeliveryControl, ExportPages):
    """Deliveries, newest first. No column can be sorted by: that would sort the whole log."""

    change_form_outer_before_template = "admin/mailer/delivery_story.html"
    empty_hint = "No mail was sent yet: a digest's page says when it goes next, and can send it now."

    def get_queryset(self, request: HttpRequest) -> QuerySet[Delivery]:
        """With all that a row shows; recipients apart, because a join would hide the mails of one who was deleted."""
        return super().get_queryset(request).select_related(*NAMED).prefetch_related("recipient")

    def get_fieldsets(self, request: HttpRequest, obj: Delivery | None = None) -> list[Any]:
        """None: the page is all in its own template."""
        return []

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """A page of the log. Django's own list would count, sort and join what has millions of rows."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        form = read_form(request.GET.dict())
        page = find_page(request, form)
        rows = [_row(delivery) for delivery in page.rows]
        context = {
            **self.admin_site.each_context(request),
            **(extra_context or {}),
            "title": "Deliveries",
            "opts": self.opts,
            "form": form,
            "page": page,
            "rows": rows,
            "empty_hint": self.empty_hint,
            "choosable": may_send(request.user) and any(row.choosable for row in rows),
            "may_export": may_see_addresses(request.user),
            **_frame(form),
        }
        return TemplateResponse(request, "admin/mailer/delivery_list.html", context)

    def export_lines(self, request: HttpRequest) -> Iterator[str]:
        """What the log's own filters find, in its order."""
        return stream_deliveries(find_all(read_form(request.GET.dict())))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The whole story of one mail."""
        delivery = self.get_object(request, object_id)
        story = {}
        if delivery is not None:
            story = _story(delivery) | self.asked_by_buttons(request, delivery)
            story["may_see_mail"] = may_see_mail(request.user, delivery.mailing)
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **story})


@admin.register(Attempt)
class AttemptPages(LogPages):
    """Attempts that did not end in `sent`; a delivery's own page shows them too."""

    list_display = (
        moment("at", "When", sortable=False),
        related("delivery", "Delivery"),
        "what",
        "smtp_code",
        "text",
    )
    list_display_links = None
    sortable_by = ()
    list_select_related = ("delivery",)
    ordering = ("-id",)
    fields = (moment("at", "When"), "delivery", "what", "smtp_code", "text", "by")
    readonly_fields = (moment("at", "When"), "what", "text")
    empty_hint = "Every mail went out at its first attempt so far."

    @admin.display(description="Outcome")
    def what(self, attempt: Attempt) -> str:
        """How it ended, or what was decided."""
        return attempt.in_words

    @admin.display(description="Server's answer")
    def text(self, attempt: Attempt) -> str:
        """The beginning of what the server said."""
        return shown_text(attempt.smtp_text)[:100]


@dataclass(frozen=True)
class _Row:
    """What the log shows of a mail."""

    delivery: Delivery
    address: str
    of: str  #: the mailing's name
    sent_at: str
    reason: str
    answer: str

    @property
    def choosable(self) -> bool:
        """Whether anything can be decided about it."""
        return self.delivery.status in {Delivery.Status.FAILED, Delivery.Status.UNCERTAIN}


def _row(delivery: Delivery) -> _Row:
    return _Row(
        delivery,
        _address(delivery),
        delivery.mailing.name,
        when_near(delivery.sent_at, delivery.mailing.scheduled_for) if delivery.sent_at else "",
        reason_in_words(delivery),
        shown_text(server_answer(delivery))[:60],
    )


def _frame(form: LogForm) -> dict[str, Any]:
    """What stands above the log: how long it is kept, and to what it is narrowed by a link from another page."""
    number = form.wanted.mailing_id
    return {
        "retention_days": settings.LOG_RETENTION_DAYS,
        "batch_range": f"{form.batch[0]} to {form.batch[1]}" if form.batch else "",
        "of_mailing": Mailing.objects.filter(pk=number).first() if number else None,
        "whole_log": list_of(Delivery),
    }


def _story(delivery: Delivery) -> dict[str, Any]:
    person, batch = _recipient_of(delivery), batch_of(delivery)
    return {
        "recipient_page": page_of(person) if person else "",
        "delivery": delivery,
        "address": _address(delivery),
        "what_happened": what_happened(delivery),
        "answer": shown_text(server_answer(delivery)),
        "steps": time_line(delivery, batch),
        "batch": batch,
        "made": made_at(delivery),
        "message_id": message_id(delivery.pk),
        "all_mails": list_of(Delivery, f"person={person.pk}") if person else "",
        "retention_days": settings.LOG_RETENTION_DAYS,
    }


def _address(delivery: Delivery) -> str:
    person = _recipient_of(delivery)
    return shown_address(person.email) if person else "erased recipient"


def _recipient_of(delivery: Delivery) -> Recipient | None:
    """The key has no constraint in the database, so the person may be gone; then nothing was prefetched."""
    found: Recipient | None = delivery._state.fields_cache.get("recipient")
    return found
