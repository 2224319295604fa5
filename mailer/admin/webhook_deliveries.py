"""The log of events: what was told to which endpoint, what it answered, and once more if staff want it so."""

import json
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern
from django.utils import timezone
from django.views.decorators.http import require_POST

from mailer.admin.base import LogPages
from mailer.admin.columns import moment, page_of, related, state
from mailer.insight.words import count_of
from mailer.models import WebhookDelivery
from mailer.models.webhooks import WebhookDeliveryQuerySet
from mailer.waking import wake_events
from mailer.webhooks.upkeep import replay


@admin.register(WebhookDelivery)
class WebhookDeliveryPages(LogPages):
    """Events, newest first, one row an endpoint."""

    actions = ("replay_chosen",)  # type: ignore[assignment]
    list_display = (
        "event",
        related("endpoint", "Endpoint"),
        state("state"),
        "answered",
        "attempts",
        moment("next_attempt_at", "Next try", sortable=False),
        moment("at", "Happened", sortable=False),
    )
    list_filter = ("endpoint", "type", "state")
    list_select_related = ("endpoint",)
    sortable_by = ()
    search_fields = ("event_id",)
    search_help_text = "The whole id"
    change_form_outer_before_template = "admin/mailer/webhook_delivery_story.html"
    empty_hint = "No events yet. They are kept for the webhooks that want them, from when these are added."

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookDelivery]:
        """The list needs no texts, and both need the endpoint."""
        rows = super().get_queryset(request).select_related("endpoint")
        match = request.resolver_match
        return rows if match and match.kwargs else rows.defer("body", "response")

    def get_fieldsets(self, request: HttpRequest, obj: WebhookDelivery | None = None) -> list[Any]:
        """None: the page is all in its own template."""
        return []

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[WebhookDelivery], search_term: str
    ) -> tuple[QuerySet[WebhookDelivery], bool]:
        """By the event's id."""
        compact = search_term.strip().replace("-", "").lower()
        if not compact:
            return queryset, False
        is_id = len(compact) == 32 and not set(compact) - set("0123456789abcdef")
        return (queryset.filter(event_id=compact) if is_id else queryset.none()), False

    @admin.display(description="Event")
    def event(self, row: WebhookDelivery) -> str:
        """By the name that the other program knows."""
        return str(row.type)

    @admin.display(description="Answer")
    def answered(self, row: WebhookDelivery) -> str:
        """To the last try: the status code, and how long it took."""
        return "–" if row.duration_ms is None else f"{row.status_code or 'none'} in {row.duration_ms:,} ms"

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """What was told, and what came of it."""
        row = self.get_object(request, object_id)
        story = {} if row is None else {"body": _readable(row.body), "may_replay": self.has_replay_permission(request)}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **story})

    def get_urls(self) -> list[URLPattern]:
        """Replaying beside the usual addresses."""
        return [*self.own_urls({"replay": require_POST(self.replay_view)}), *super().get_urls()]

    def has_replay_permission(self, request: HttpRequest) -> bool:
        """To send again is to change what other programs are told."""
        return request.user.has_perm("mailer.change_webhookdelivery")

    def replay_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """One event once more."""
        if not self.has_replay_permission(request):
            raise PermissionDenied
        row = self.get_object(request, str(pk))
        if row is None:
            raise Http404("There is no such event; it may have been purged.")
        self._replay(request, WebhookDelivery.objects.filter(pk=pk))
        return HttpResponseRedirect(page_of(row))

    @admin.action(description="Replay: send them once more", permissions=["replay"])
    def replay_chosen(self, request: HttpRequest, queryset: WebhookDeliveryQuerySet) -> None:
        """Those that are ticked, or all that the filter finds."""
        self._replay(request, queryset)

    def _replay(self, request: HttpRequest, rows: WebhookDeliveryQuerySet) -> None:
        chosen = list(rows.order_by().values_list("pk", "endpoint__is_enabled"))
        again = [pk for pk, is_enabled in chosen if is_enabled]
        for endpoint_id in replay(rows, timezone.now()):
            wake_events(endpoint_id)
        for row in WebhookDelivery.objects.filter(pk__in=again[:100]).select_related("endpoint"):
            self.log_change(request, row, "Replayed.")
        if again:
            self.message_user(request, f"{count_of(len(again), 'event')} on the way once more.", messages.SUCCESS)
        if len(again) < len(chosen):
            left = count_of(len(chosen) - len(again), "event")
            self.message_user(request, f"{left} stay: enable their endpoint first.", messages.WARNING)


def _readable(body: str) -> str:
    """Each field on a line of its own; as it is, should it be no JSON."""
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except ValueError:
        return body
