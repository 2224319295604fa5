"""Mail templates and their versions: written in the editor or in files, looked at, compared, tried and put to use."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_POST

from mailer.admin.base import LogPages, ReadOnlyRows
from mailer.admin.columns import moment, page_of, related
from mailer.admin.mail_frames import mail_frame
from mailer.admin.template_editor import TemplateEditor
from mailer.admin.trials import send_test
from mailer.models import EmailTemplate, Mailing, TemplateVersion
from mailer.scheduling.drafts import Draft
from mailer.templating.authoring import use_version
from mailer.templating.compose import Rendered
from mailer.templating.differences import compare
from mailer.templating.preview import render_sample
from mailer.templating.sandbox import TemplateError


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
class EmailTemplatePages(TemplateEditor):
    """Templates by name; what they say is in the editor."""

    list_display = ("name", "slug", moment("created_at", "Since"))
    search_fields = ("name", "slug")
    fields = ("name", "slug")
    prepopulated_fields = {"slug": ("name",)}
    inlines = (VersionRows,)
    change_form_outer_before_template = "admin/mailer/template_source.html"
    empty_hint = "No templates yet: add one, or run `manage.py sync_templates`, which reads `templates/emails/`."

    def get_readonly_fields(self, request: HttpRequest, obj: EmailTemplate | None = None) -> Any:
        """The slug, by which programs and folders name it, once it is there."""
        return [*super().get_readonly_fields(request, obj), *(["slug"] if obj else [])]

    def get_prepopulated_fields(self, request: HttpRequest, obj: EmailTemplate | None = None) -> Any:
        """The slug from the name of a new one."""
        return {} if obj else self.prepopulated_fields

    def get_inlines(self, request: HttpRequest, obj: EmailTemplate | None) -> Any:
        """No versions where there is no template yet."""
        return self.inlines if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody: mailings name its versions."""
        return False

    def response_add(
        self, request: HttpRequest, obj: EmailTemplate, post_url_continue: str | None = None
    ) -> HttpResponse:
        """On to the editor: a template without a version can't be sent."""
        return HttpResponseRedirect(reverse("admin:mailer_emailtemplate_edit", args=[obj.pk]))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """With the way to the editor, and the version in use."""
        template = self.get_object(request, object_id)
        story = {
            "template": template,
            "may_edit": template is not None and self.has_change_permission(request, template),
        }
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **story})


@admin.register(TemplateVersion)
class TemplateVersionPages(LogPages):
    """One version: its subject, its sources, and how it looks with its sample."""

    class Media:
        css = {"all": ("admin/mailer/editor.css",)}

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
        """The preview, the comparison, the test and the button's address beside the usual ones."""
        views = {
            "preview": xframe_options_sameorigin(self.preview_view),
            "compare": self.compare_view,
            "test": require_POST(self.test_view),
            "use": require_POST(self.use_view),
        }
        return [*self.own_urls(views), *super().get_urls()]

    def preview_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The mail's HTML, or with `?part=text` its text, in `?language=`, for the page's frame."""
        version = self._version(request, pk)
        mail = _render(version, request.GET.get("language", ""))
        return mail_frame(mail, as_text=request.GET.get("part") == "text")

    def compare_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """What this version says differently from the one before, or from the number `?with=`."""
        version = self._version(request, pk)
        asked = request.GET.get("with", "")
        others = version.template.versions.exclude(pk=pk)
        chosen = others.filter(number=asked) if asked.isdigit() else others.filter(number__lt=version.number)
        other = chosen.order_by("-number").first()
        older, newer = sorted((other or version, version), key=lambda each: each.number)
        context = {
            **self.admin_site.each_context(request),
            "title": f"{newer} compared",
            "opts": self.opts,
            "version": version,
            "older": older,
            "newer": newer,
            "others": others.order_by("-number").values_list("number", flat=True)[:200],
            "differences": list(compare(older, newer)),
            "media": self.media,
        }
        return TemplateResponse(request, "admin/mailer/version_compare.html", context)

    def test_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Send the version, filled with its sample, to any one address."""
        version, now = self._version(request, pk), timezone.now()
        if not self._may_edit(request):
            raise PermissionDenied
        draft = Draft(Mailing(kind=Mailing.Kind.TEST, version=version, scheduled_for=now, context=version.sample), [])
        send_test(self, request, version, request.POST.get("to", "").strip(), lambda to: draft)
        return HttpResponseRedirect(page_of(version))

    def use_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Let new mailings send this version."""
        version = self._version(request, pk)
        if not self._may_edit(request):
            raise PermissionDenied
        use_version(version)
        self.log_change(request, version.template, f"Put version {version.number} to use.")
        self.message_user(request, f"New mailings send version {version.number} from now on.", messages.SUCCESS)
        return HttpResponseRedirect(page_of(version.template))

    def _version(self, request: HttpRequest, pk: int) -> TemplateVersion:
        version: TemplateVersion | None = self.get_object(request, str(pk))
        if version is None:
            raise Http404("There is no such version.")
        if not self.has_view_permission(request, version):
            raise PermissionDenied
        return version

    def _may_edit(self, request: HttpRequest) -> bool:
        return bool(getattr(request.user, "has_perm", lambda _: False)("mailer.change_emailtemplate"))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The sources, the subject as sent, and a frame for the preview."""
        version = self.get_object(request, object_id)
        language = request.GET.get("language", "")
        story = {} if version is None else _story(version, language) | {"may_edit": self._may_edit(request)}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **story})


def _story(version: TemplateVersion, language: str) -> dict[str, Any]:
    rendered = _render(version, language)
    query = urlencode({"language": language})
    return {
        "version": version,
        "language": language,
        "parts": version.parts(language),
        "subject": rendered.subject if isinstance(rendered, Rendered) else "",
        "problem": "" if isinstance(rendered, Rendered) else rendered,
        "preview": f"{reverse('admin:mailer_templateversion_preview', args=[version.pk])}?{query}",
        "is_in_use": version.template.version_to_send() == version,
    }


def _render(version: TemplateVersion, language: str) -> Rendered | str:
    """The version with its sample, or in one sentence why it cannot be filled."""
    try:
        return render_sample(version, language)
    except TemplateError as error:
        return str(error)
