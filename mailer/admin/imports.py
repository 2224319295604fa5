"""Imports of recipients: upload, columns, check, run, undo, each a step of one page."""

from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_POST

from mailer.admin.access import may_import, may_see_addresses
from mailer.admin.base import LogPages
from mailer.admin.columns import list_of, moment, page_of, related, state
from mailer.admin.import_form import MOST_PASTED, LayoutForm, StartForm, UploadForm
from mailer.admin.import_story import import_doors, look_of, story_of, wake_if_forgotten
from mailer.audience.csv_file import DELIMITERS, ENCODINGS
from mailer.audience.reading import UnreadableFile
from mailer.audience.uploads import PASTED, discard_files, keep_file, pasted_as_csv, set_form
from mailer.insight.imports import counts_in_words, progress_of
from mailer.models import Import
from mailer.waking import wake_import

_KEPT = {"bad-lines": "bad_lines", "kept-people": "kept_people"}


@admin.register(Import)
class ImportPages(LogPages):
    """Imports, newest first."""

    list_display = ("file_name", related("list", "List"), state("state"), "outcome", moment("created_at", "Uploaded"))
    list_select_related = ("list", "created_by")
    sortable_by = ()
    change_form_outer_before_template = "admin/mailer/import_story.html"
    empty_hint = "Nobody was imported yet: choose “Import recipients” above."

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Whoever may add recipients and subscriptions."""
        return may_import(request.user)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever may import, or look at imports."""
        return may_import(request.user) or super().has_view_permission(request, obj)

    def has_module_permission(self, request: HttpRequest) -> bool:
        """The same."""
        return self.has_view_permission(request)

    def doors(self, request: HttpRequest, shown: Any) -> list[tuple[str, str]]:
        """The way to a new one."""
        return import_doors(request)

    def get_fieldsets(self, request: HttpRequest, obj: Import | None = None) -> list[Any]:
        """None: the page is all in its own template."""
        return []

    def get_queryset(self, request: HttpRequest) -> QuerySet[Import]:
        """With what a row names."""
        return super().get_queryset(request).select_related("list", "created_by")

    @admin.display(description="What became of it")
    def outcome(self, imported: Import) -> str:
        """The counts, or why it failed."""
        return imported.problem or counts_in_words(imported) or "–"

    def get_urls(self) -> list[URLPattern]:
        """The steps beside the usual addresses."""
        changing = {
            "layout": self.layout_view,
            "start": self.start_view,
            "undo": self.undo_view,
            "cancel": self.cancel_view,
        }
        own = self.own_urls({name: require_POST(view) for name, view in changing.items()})
        reading = {"progress": self.progress_view, **dict.fromkeys(_KEPT, self.download_view)}
        own += [
            path(f"<int:pk>/{name}/", self.admin_site.admin_view(view), {"what": name}, name=f"mailer_import_{name}")
            for name, view in reading.items()
        ]
        return [*own, *super().get_urls()]

    @method_decorator(csrf_exempt)  # the token is in the body, and the length is looked at before that is read
    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The first step; a file that is too long is refused before it is read."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        if int(request.META.get("CONTENT_LENGTH") or 0) > settings.IMPORT_MEGABYTES * 1_000_000 + MOST_PASTED * 4:
            too_long = f"The file has over {settings.IMPORT_MEGABYTES} MB; split it, please."
            return self._show_upload(request, UploadForm(), too_long, 413)
        return self._upload(request)

    @method_decorator(csrf_protect)
    def _upload(self, request: HttpRequest) -> HttpResponse:
        if request.method != "POST":
            return self._show_upload(request, UploadForm(initial={"list": request.GET.get("list")}))
        form = UploadForm(request.POST, request.FILES)
        if not form.is_valid():
            return self._show_upload(request, form)
        try:
            imported = _keep(form.cleaned_data, request.user)
        except UnreadableFile as error:
            return self._show_upload(request, form, str(error))
        self.log_addition(request, imported, f"Uploaded for {imported.list}.")
        return HttpResponseRedirect(page_of(imported))

    def _show_upload(
        self, request: HttpRequest, form: UploadForm, problem: str = "", status: int = 200
    ) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": "Import recipients",
            "opts": self.opts,
            "form": form,
            "problem": problem,
            "megabytes": settings.IMPORT_MEGABYTES,
            "most_bytes": settings.IMPORT_MEGABYTES * 1_000_000,
        }
        return TemplateResponse(request, "admin/mailer/import_upload.html", context, status=status)

    def layout_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Take what was said of the file: look at it again, or have it checked."""
        imported = self._import_in(request, pk, Import.State.UPLOADED, Import.State.CHECKED, Import.State.FAILED)
        looked = look_of(imported)
        if "again" in request.POST or isinstance(looked, str):
            return self._look_again(request, imported)
        form = LayoutForm(looked, imported, request.POST)
        if not form.is_valid():
            return self._show_again(request, imported, layout_form=form)
        imported.meanings = form.meanings()
        self._set_going(request, imported, Import.State.CHECKING, "Checked.")
        return HttpResponseRedirect(page_of(imported))

    def start_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Run what was checked."""
        imported = self._import_in(request, pk, Import.State.CHECKED)
        form = StartForm(request.POST)
        if not form.is_valid():
            return self._show_again(request, imported, start_form=form)
        imported.resubscribe, imported.reason = form.cleaned_data["resubscribe"], form.cleaned_data["reason"]
        again = f" Those who had unsubscribed are subscribed again: {imported.reason}" if imported.resubscribe else ""
        self._set_going(request, imported, Import.State.RUNNING, f"Started.{again}")
        return HttpResponseRedirect(page_of(imported))

    def undo_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Undo what was done."""
        imported = self._import_in(request, pk, Import.State.DONE)
        self._set_going(request, imported, Import.State.UNDOING, "Undone.")
        return HttpResponseRedirect(page_of(imported))

    def cancel_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Throw the file away; nobody was imported."""
        imported = self._import_in(request, pk, Import.State.UPLOADED, Import.State.CHECKED, Import.State.FAILED)
        Import.objects.filter(pk=pk, state=imported.state).update(state=Import.State.CANCELLED)
        discard_files(imported)
        self.log_change(request, imported, "Not imported; the file is deleted.")
        self.message_user(request, f"{imported.file_name} is deleted, nobody was imported.", messages.SUCCESS)
        return HttpResponseRedirect(list_of(Import))

    def progress_view(self, request: HttpRequest, pk: int, what: str) -> HttpResponse:
        """How far it is, for the page's script; whoever looks also wakes a worker if none is on it."""
        imported = self.get_object(request, str(pk))
        if imported is None:
            raise Http404("There is no such import.")
        if not self.has_view_permission(request, imported):
            raise PermissionDenied
        wake_if_forgotten(imported)
        return JsonResponse({"working": imported.is_working, **progress_of(imported)})

    def download_view(self, request: HttpRequest, pk: int, what: str) -> HttpResponseBase:
        """The lines that could not be used, or the people who were kept."""
        imported = self.get_object(request, str(pk))
        if imported is None or not getattr(imported, _KEPT[what]).exists():
            raise Http404("There is no such file, or no more.")
        if not self.has_view_permission(request, imported) or not may_see_addresses(request.user):
            raise PermissionDenied
        file = getattr(imported, _KEPT[what]).open("rb")
        return FileResponse(file, as_attachment=True, filename=f"import-{pk}-{what}.csv", content_type="text/csv")

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Where the import stands, and what can be done next."""
        imported = self.get_object(request, object_id)
        if imported is not None:
            wake_if_forgotten(imported)
        story = {} if imported is None else story_of(request, imported)
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **story})

    def _show_again(self, request: HttpRequest, imported: Import, **forms: Any) -> HttpResponse:
        """The page with what is wrong with a form; the form is not the admin's own, so to the admin this is a GET."""
        request.method = "GET"
        return super().change_view(request, str(imported.pk), "", story_of(request, imported, **forms))

    def _look_again(self, request: HttpRequest, imported: Import) -> HttpResponse:
        first_line = request.POST.get("first_line", "")
        has_heading = {"yes": True, "no": False}.get(first_line)
        encoding, delimiter = request.POST.get("encoding", ""), request.POST.get("delimiter", "")
        if encoding in ENCODINGS and delimiter in {"", *DELIMITERS}:
            try:
                set_form(imported, encoding, delimiter, has_heading)
            except UnreadableFile as error:
                self.message_user(request, str(error), messages.ERROR)
        return HttpResponseRedirect(page_of(imported))

    def _set_going(self, request: HttpRequest, imported: Import, state: Import.State, what: str) -> None:
        """Hand it to a worker, unless somebody else did so just now."""
        before, imported.state = imported.state, state
        fields = ("state", "meanings", "resubscribe", "reason", "problem", "tries", "done_bytes")
        imported.problem, imported.tries, imported.done_bytes = "", 0, 0
        values = {name: getattr(imported, name) for name in fields}
        if Import.objects.filter(pk=imported.pk, state=before).update(**values, leased_until=None):
            self.log_change(request, imported, what)
            wake_import(imported.pk)

    def _import_in(self, request: HttpRequest, pk: int, *states: Import.State) -> Import:
        """The import, if it is in one of the states; else the page says where it stands by now."""
        imported: Import | None = self.get_object(request, str(pk))
        if imported is None:
            raise Http404("There is no such import.")
        if not may_import(request.user):
            raise PermissionDenied
        if imported.state not in states:
            raise Http404(f"The import is {imported.get_state_display().lower()} by now.")
        return imported


def _keep(chosen: dict[str, Any], user: Any) -> Import:
    upload = chosen["file"]
    if upload:
        return keep_file(chosen["list"], upload.name, upload.chunks(), user)
    return keep_file(chosen["list"], PASTED, [pasted_as_csv(chosen["addresses"])], user)
