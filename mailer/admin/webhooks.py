"""Endpoints of other programs: made here with a secret that is shown once, tried, and switched off."""

from datetime import UTC, datetime
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from mailer.admin.access import row_to_change
from mailer.admin.base import Pages, UnfoldAdminCheckboxSelectMultipleWidget
from mailer.admin.columns import list_of, moment, page_of, state_label
from mailer.models import WebhookDelivery, WebhookEndpoint
from mailer.models.webhooks import OFFERED, new_secret
from mailer.outside.addresses import FetchFailed, find_place, is_trusted
from mailer.waking import wake_events
from mailer.webhooks.dispatch import send_test
from mailer.webhooks.upkeep import switch_on

#: What the form writes; how the endpoint is, workers write meanwhile.
_FIELDS = ("name", "url", "events", "of_all_lists", "is_enabled")


class WebhookEndpointForm(forms.ModelForm):  # type: ignore[type-arg]
    """Where events go, and which."""

    events = forms.MultipleChoiceField(
        label="It is told when", choices=OFFERED, widget=UnfoldAdminCheckboxSelectMultipleWidget()
    )

    class Meta:
        model = WebhookEndpoint
        fields = ("name", "url", "events", "of_all_lists", "lists", "is_enabled")

    def clean_url(self) -> str:
        """An address that we may ask; by https, because addresses of people travel there."""
        url: str = self.cleaned_data["url"]
        if "url" in self.changed_data:
            try:
                place = find_place(url)
            except FetchFailed as error:
                raise forms.ValidationError(str(error)) from error
            if not place.is_secure and not is_trusted(place):
                raise forms.ValidationError("The address begins with https:// where it is not in FETCH_ALLOW.")
        return url

    def clean(self) -> dict[str, Any] | None:
        """Of all lists, or of some."""
        cleaned = super().clean() or {}
        if not cleaned.get("of_all_lists") and not cleaned.get("lists"):
            self.add_error("lists", "Choose a list, or tick that it is told of all.")
        return cleaned


@admin.register(WebhookEndpoint)
class WebhookEndpointPages(Pages):
    """Endpoints by name."""

    form = WebhookEndpointForm
    list_display = ("name", "url", "told", "state", moment("reached_at", "Last reached"))
    sortable_by = ()
    search_fields = ("name", "url")
    autocomplete_fields = ("lists",)
    fields = WebhookEndpointForm.Meta.fields
    change_form_outer_before_template = "admin/mailer/webhook_story.html"
    empty_hint = "No webhooks yet: add the address of a program that is to be told what happens. See docs/events.md."

    @admin.display(description="Told of")
    def told(self, endpoint: WebhookEndpoint) -> str:
        """Its events."""
        return ", ".join(endpoint.events)

    @admin.display(description="State")
    def state(self, endpoint: WebhookEndpoint) -> str:
        """Whether it gets anything, and whether that arrives."""
        if not endpoint.is_enabled:
            return state_label("failed" if endpoint.switched_off_at else "stopped", "Off")
        return state_label("failed", "Can't be reached") if endpoint.problem else state_label("active", "Enabled")

    def save_model(self, request: HttpRequest, obj: WebhookEndpoint, form: Any, change: bool) -> None:
        """A new one gets its secret, which `response_add` shows; one that is enabled again begins anew."""
        if not change:
            obj.secret = new_secret()
            super().save_model(request, obj, form, change)
            return
        obj.save(update_fields=_FIELDS)
        if obj.is_enabled and "is_enabled" in form.changed_data:
            switch_on(obj)
            obj.save(update_fields=("switched_off_at", "failures", "failing_since", "next_at", "problem"))
            wake_events(obj.pk)

    def response_add(
        self, request: HttpRequest, obj: WebhookEndpoint, post_url_continue: str | None = None
    ) -> HttpResponse:
        """The secret, this once."""
        return self._show_secret(request, obj)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The form, and above it how the endpoint is."""
        endpoint = self.get_object(request, object_id)
        story = {} if endpoint is None else _story(endpoint)
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **story})

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[Any], dict[str, int], set[str], list[str]]:
        """Its events go with it; they may be many, and nobody deletes them otherwise."""
        events = WebhookDelivery.objects.filter(endpoint__in=objs).count()
        names = [f"{endpoint}, and what was told to it" for endpoint in objs]
        return names, {"webhook endpoints": len(names), "webhook deliveries": events}, set(), []

    def get_urls(self) -> list[URLPattern]:
        """What its page's buttons do, beside the usual addresses."""
        views = {"test": self.test_view, "rotate": never_cache(self.rotate_view)}
        return [*self.own_urls({name: require_POST(view) for name, view in views.items()}), *super().get_urls()]

    def test_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """A test event, sent here and now."""
        endpoint = row_to_change(self, request, pk)
        row = send_test(endpoint, partial(datetime.now, UTC))
        self.log_change(request, endpoint, "Sent a test event.")
        if row.state == WebhookDelivery.State.DELIVERED:
            self.message_user(request, f"It took the test event, in {row.duration_ms} ms.", messages.SUCCESS)
        else:
            self.message_user(request, f"It did not take the test event. {row.problem}", messages.ERROR)
        return HttpResponseRedirect(page_of(row))

    def rotate_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """A new secret, beside which the one until now signs for a while."""
        endpoint = row_to_change(self, request, pk)
        endpoint.rotate_secret(timezone.now())
        self.log_change(request, endpoint, "Made a new secret.")
        return self._show_secret(request, endpoint)

    def _show_secret(self, request: HttpRequest, endpoint: WebhookEndpoint) -> HttpResponse:
        """It goes into no message, cookie or address."""
        context = {
            **self.admin_site.each_context(request),
            "title": f"The secret of {endpoint.name}",
            "opts": self.opts,
            "endpoint": endpoint,
            "media": self.media,
        }
        answer = TemplateResponse(request, "admin/mailer/webhook_secret.html", context)
        answer["Cache-Control"] = "no-store"
        return answer


def _story(endpoint: WebhookEndpoint) -> dict[str, Any]:
    overlap = endpoint.earlier_until
    return {
        "waiting": endpoint.deliveries.pending().count(),
        "deliveries_url": list_of(WebhookDelivery, f"endpoint__id__exact={endpoint.pk}"),
        "overlap_until": overlap if overlap and overlap > timezone.now() else None,
    }
