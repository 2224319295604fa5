"""Keys of other programs: made here, shown once, revoked with one button."""

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
from mailer.admin.columns import moment, page_of, state_label
from mailer.models import ApiKey, Scope


class ApiKeyForm(forms.ModelForm):  # type: ignore[type-arg]
    """What the key may do, ticked."""

    scopes = forms.MultipleChoiceField(
        label="It may", choices=Scope.choices, widget=UnfoldAdminCheckboxSelectMultipleWidget()
    )

    class Meta:
        model = ApiKey
        fields = ("name", "scopes", "per_minute", "expires_at")


@admin.register(ApiKey)
class ApiKeyPages(Pages):
    """Keys, newest first."""

    form = ApiKeyForm
    list_display = ("name", "prefix", "may", "state", moment("expires_at", "Until"), "last_used")
    search_fields = ("name", "prefix")
    sortable_by = ()
    fields = ("name", "scopes", "per_minute", "expires_at")
    change_form_outer_before_template = "admin/mailer/api_key_revoke.html"
    empty_hint = "No keys yet: add one for each program that uses the API. Its documents are at /api/v1/docs."

    @admin.display(description="May")
    def may(self, key: ApiKey) -> str:
        """Its scopes."""
        return ", ".join(key.scopes)

    @admin.display(description="State")
    def state(self, key: ApiKey) -> str:
        """Whether it opens anything."""
        if key.revoked_at is not None:
            return state_label("cancelled", "Revoked")
        expired = key.expires_at is not None and key.expires_at <= timezone.now()
        return state_label("skipped", "Expired") if expired else state_label("active", "Valid")

    @admin.display(description="Last used")
    def last_used(self, key: ApiKey) -> str:
        """To the minute."""
        last = key.uses.order_by("-minute").values_list("minute", flat=True).first()
        return f"{timezone.localtime(last):%-d %b %Y %H:%M %Z}" if last else "never"

    def has_delete_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        """Nobody: who came in with it stays known. It is revoked instead."""
        return False

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        """A new key gets its token, which `response_add` shows."""
        if not change:
            form.token = obj.set_token()
            request.new_api_token = form.token  # type: ignore[attr-defined]
            if request.user.is_authenticated:
                obj.created_by = request.user
        super().save_model(request, obj, form, change)

    def response_add(self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None) -> HttpResponse:
        """The token, this once: it goes into no message, cookie or address."""
        context = {
            **self.admin_site.each_context(request),
            "title": f"The key of {obj.name}",
            "opts": self.opts,
            "key": obj,
            "token": getattr(request, "new_api_token", ""),
            "media": self.media,
        }
        return TemplateResponse(request, "admin/mailer/api_key_made.html", context)

    def get_urls(self) -> list[URLPattern]:
        """Revoking beside the usual addresses."""
        return [*self.own_urls({"revoke": never_cache(require_POST(self.revoke_view))}), *super().get_urls()]

    def revoke_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The key opens nothing from now on."""
        key = row_to_change(self, request, pk)
        if ApiKey.objects.filter(pk=pk, revoked_at=None).update(revoked_at=timezone.now()):
            self.log_change(request, key, "Revoked.")
            self.message_user(request, f"{key} opens nothing any more.", messages.SUCCESS)
        return HttpResponseRedirect(page_of(key))
