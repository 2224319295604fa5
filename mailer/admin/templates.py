"""Mail templates and their versions, which are read here and come from files."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, reverse
from django.utils.html import escape
from django.views.decorators.clickjacking import xframe_options_sameorigin

from mailer.admin.base import LogPages, ReadOnlyRows
from mailer.admin.columns import moment, related
from mailer.models import EmailTemplate, TemplateVersion
from mailer.templating.compose import Rendered
from mailer.templating.preview import render_sample
from mailer.templating.sandbox import TemplateError

#: A mail is foreign HTML: nothing in it may run, load or reach the admin, also when the address is opened directly.
PREVIEW_POLICY = "sandbox; default-src 'none'; img-src https: data:; style-src 'unsafe-inline'"


class VersionRows(ReadOnlyRows):
    """A template's versions, newest first."""

    model = TemplateVersion
    fields = ("number", "subject", "note", moment("created_at", "Made"))
    readonly_fields = fields
    per_page = 20

    def get_queryset(self, request: HttpRequest) -> QuerySet[TemplateVersion]:
        """Without the sources, which are long; each row names its template."""
        return super().get_queryset(request).select_related("template").defer("html", "text", "sample")


@admin.register(EmailTemplate)
class EmailTemplatePages(LogPages):
    """Templates by name."""

    list_display = ("name", "slug", moment("created_at", "Since"))
    search_fields = ("name", "slug")
    fields = ("name", "slug")
    inlines = (VersionRows,)
    change_form_outer_before_template = "admin/mailer/template_source.html"
    list_before_template = "admin/mailer/template_source.html"
    empty_hint = "No templates yet: run `manage.py sync_templates`, which reads them from `templates/emails/`."


@admin.register(TemplateVersion)
class TemplateVersionPages(LogPages):
    """One version: its subject, its sources, and how it looks with its sample."""

    list_display = ("__str__", "subject", related("template", "Template"), "note", moment("created_at", "Made"))
    list_select_related = ("template",)
    list_filter = ("template",)
    search_fields = ("template__slug", "subject")
    change_form_outer_before_template = "admin/mailer/version_preview.html"
    empty_hint = "No versions yet: run `manage.py sync_templates`, which reads them from `templates/emails/`."

    def get_queryset(self, request: HttpRequest) -> QuerySet[TemplateVersion]:
        """With the template, which the version's name needs."""
        return super().get_queryset(request).select_related("template", "author")

    def get_fieldsets(self, request: HttpRequest, obj: TemplateVersion | None = None) -> list[Any]:
        """None: the page is all in its own template."""
        return []

    def get_urls(self) -> list[URLPattern]:
        """The preview's address beside the usual ones."""
        return [*self.own_urls({"preview": xframe_options_sameorigin(self.preview_view)}), *super().get_urls()]

    def preview_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The mail's HTML, or with `?part=text` its text, for the page's frame."""
        version = self.get_object(request, str(pk))
        if version is None:
            raise Http404("There is no such version.")
        if not self.has_view_permission(request, version):
            raise PermissionDenied
        body = _body(version, request.GET.get("part") == "text")
        return HttpResponse(body, headers={"Content-Security-Policy": PREVIEW_POLICY, "X-Robots-Tag": "noindex"})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The sources, the subject as sent, and a frame for the preview."""
        version = self.get_object(request, object_id)
        story = {} if version is None else _story(version)
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **story})


def _story(version: TemplateVersion) -> dict[str, Any]:
    rendered = _render(version)
    return {
        "version": version,
        "subject": rendered.subject if isinstance(rendered, Rendered) else "",
        "problem": "" if isinstance(rendered, Rendered) else rendered,
        "preview": reverse("admin:mailer_templateversion_preview", args=[version.pk]),
    }


def _body(version: TemplateVersion, as_text: bool) -> str:
    rendered = _render(version)
    if not isinstance(rendered, Rendered):
        return f"<p>{escape(rendered)}</p>"
    return f"<pre style='white-space:pre-wrap'>{escape(rendered.text)}</pre>" if as_text else rendered.html


def _render(version: TemplateVersion) -> Rendered | str:
    """The version with its sample, or in one sentence why it cannot be filled."""
    try:
        return render_sample(version)
    except TemplateError as error:
        return str(error)
