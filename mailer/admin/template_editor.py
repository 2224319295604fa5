"""The template editor: sources beside a live preview, what is wrong said while it is typed, each save a new version."""

import re
from dataclasses import replace
from typing import Any

from django.core.exceptions import PermissionDenied
from django.forms import Script
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern
from django.utils import timezone
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_POST

from mailer.admin.access import may_see_addresses
from mailer.admin.base import Pages, View
from mailer.admin.columns import page_of
from mailer.admin.mail_frames import PREVIEW_POLICY, WITHOUT_IMAGES, mail_frame
from mailer.admin.template_form import TemplateForm, filled_form
from mailer.insight.people import find_recipient
from mailer.models import Digest, EmailTemplate, TemplateVersion
from mailer.scheduling.drafts import draft_digest, letter_of
from mailer.templating.authoring import Edit, save_version
from mailer.templating.compose import Rendered
from mailer.templating.conditions import conditions_of
from mailer.templating.faults import Fault
from mailer.templating.letter import find_preheader
from mailer.templating.preview import names_in, parts_of, render_edit
from mailer.templating.sandbox import TemplateError

#: Whoever looks chooses between light and dark for the mail alone, whatever their own screen prefers.
_DARK = re.compile(r"\(\s*prefers-color-scheme\s*:\s*dark\s*\)")


class TemplateEditor(Pages):
    """A template's pages with an editor."""

    class Media:
        css = {"all": ("admin/mailer/editor.css",)}
        js = (Script("admin/mailer/editor.js", defer=True),)

    def get_urls(self) -> list[URLPattern]:
        """The editor, its preview and its check beside the usual addresses."""
        views: dict[str, View] = {
            "edit": self.edit_view,
            "preview": require_POST(xframe_options_sameorigin(self.preview_view)),
            "check": require_POST(self.check_view),
        }
        return [*self.own_urls(views), *super().get_urls()]

    def edit_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The editor, begun from `?from=` or the version in use, in `?language=`; a POST makes the next version."""
        template = self._template(request, pk)
        base = self._base(request, template)
        language = request.GET.get("language", "")
        form = TemplateForm(request.POST) if request.method == "POST" else filled_form(base, language)
        faults: list[Fault] = []
        if request.method == "POST":
            faults = form.faults
            if not any(fault.is_error for fault in faults):
                return self._save(request, template, base, form.edit)
        context = {
            **self.admin_site.each_context(request),
            "title": f"Edit {template}",
            "opts": self.opts,
            "template": template,
            "base": base,
            "form": form,
            "faults": faults,
            "media": self.media,
            **_choices(template, base, language, may_see_addresses(request.user)),
        }
        return TemplateResponse(request, "admin/mailer/template_editor.html", context)

    def preview_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """What is typed as a mail, for the editor's frame: with its sample, or with a digest for the person `as`."""
        self._template(request, pk)
        mail = _mail(request, TemplateForm(request.POST))
        policy = WITHOUT_IMAGES if request.POST.get("images") == "off" else PREVIEW_POLICY
        if isinstance(mail, Rendered):
            scheme = "all" if request.POST.get("scheme") == "dark" else "not all"
            mail = replace(mail, html=_DARK.sub(scheme, mail.html))
        return mail_frame(mail, request.POST.get("part") == "text", policy)

    def check_view(self, request: HttpRequest, pk: int) -> JsonResponse:
        """What is wrong with what is typed, how an inbox shows it, and which conditions it has."""
        self._template(request, pk)
        form = TemplateForm(request.POST)
        faults = form.faults
        mail = "" if any(fault.is_last for fault in faults) else _mail(request, form)
        html = form.data.get("html", "")
        return JsonResponse(
            {
                "faults": [
                    {"words": str(fault), "error": fault.is_error, "line": fault.line, "part": fault.part}
                    for fault in faults
                ],
                "subject": mail.subject if isinstance(mail, Rendered) else "",
                "preheader": find_preheader(mail) if isinstance(mail, Rendered) else "",
                "kilobytes": round(len(mail.html.encode()) / 1000, 1) if isinstance(mail, Rendered) else None,
                "conditions": list(dict.fromkeys(condition.words for condition in conditions_of(html))),
            }
        )

    def _save(
        self, request: HttpRequest, template: EmailTemplate, base: TemplateVersion | None, edit: Edit
    ) -> HttpResponse:
        version = save_version(template, base, edit, request.user, use="_use" in request.POST)
        template.refresh_from_db()
        used = template.in_use_id == version.pk
        told = "new mailings send it from now on" if used else "a draft: nothing sends it until you use it"
        self.log_change(
            request, template, f"Saved version {version.number}{'' if used else ' as a draft'}. {edit.note}".strip()
        )
        self.message_user(request, f"Saved as version {version.number}; {told}.")
        return HttpResponseRedirect(page_of(version))

    def _template(self, request: HttpRequest, pk: int) -> EmailTemplate:
        template: EmailTemplate | None = self.get_object(request, str(pk))
        if template is None:
            raise Http404("There is no such template.")
        if not self.has_change_permission(request, template):
            raise PermissionDenied
        return template

    def _base(self, request: HttpRequest, template: EmailTemplate) -> TemplateVersion | None:
        number = request.GET.get("from", "")
        if number.isdigit():
            found = template.versions.filter(number=int(number)).first()
            if found is None:
                raise Http404("There is no such version.")
            return found
        return template.in_use or template.versions.order_by("-number").first()


def _choices(template: EmailTemplate, base: TemplateVersion | None, language: str, may_choose: bool) -> dict[str, Any]:
    languages = sorted({*(base.translations if base else {}), *([language] if language else [])})
    return {
        "language": language,
        "languages": languages,
        "names": list(names_in(base.sample)) if base else [],
        "digests": list(Digest.objects.filter(template=template)) if may_choose else [],
        "versions": template.versions.count(),
    }


def _mail(request: HttpRequest, form: TemplateForm) -> Rendered | str:
    """What is typed as a mail, or in one sentence why it is none."""
    if not form.is_valid():
        return " ".join(str(fault) for fault in form.faults)
    held = {
        words: sign == "1" for sign, _, words in (each.partition(":") for each in request.POST.getlist("held")) if words
    }
    try:
        digest = _digest(request)
        return render_edit(form.edit, held) if digest is None else _as_digest(request, digest, form.edit, held)
    except TemplateError as error:
        return str(error)


def _digest(request: HttpRequest) -> Digest | None:
    chosen = request.POST.get("digest", "")
    if not chosen.isdigit() or not may_see_addresses(request.user):
        return None
    return Digest.objects.filter(pk=int(chosen)).select_related("list", "template").first()


def _as_digest(request: HttpRequest, digest: Digest, edit: Edit, held: dict[str, bool]) -> Rendered:
    """With the items that wait now, to the person who was chosen. Raises TemplateError."""
    person = find_recipient(request.POST.get("as", ""))
    try:
        draft = draft_digest(digest, person, timezone.now())
    except TemplateVersion.DoesNotExist as error:
        raise TemplateError("Save a first version; then you can see it with a digest's items.") from error
    subject, html, text = parts_of(edit, held)
    draft.mailing.version = TemplateVersion(template=digest.template, number=0, subject=subject, html=html, text=text)
    return letter_of(draft, person).mail
