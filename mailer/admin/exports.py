"""Any filtered list of people or deliveries as a CSV file to download."""

from collections.abc import Iterator
from typing import Any

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBadRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from mailer.admin.access import may_see_addresses
from mailer.admin.base import Pages
from mailer.insight.exports import stream_csv


class ExportPages(Pages):
    """A list with a door to itself as CSV, for those who may see addresses."""

    def export_lines(self, request: HttpRequest) -> Iterator[str]:
        """The file, line by line. Raises IncorrectLookupParameters."""
        return stream_csv(self.get_changelist_instance(request).queryset)

    def doors(self, request: HttpRequest, shown: Any) -> list[tuple[str, str]]:
        """With the export of what is shown."""
        others = super().doors(request, shown)
        if not may_see_addresses(request.user):
            return others
        return [*others, ("Export these as CSV", f"{reverse(self._export_name(True))}{shown.get_query_string()}")]

    def get_urls(self) -> list[URLPattern]:
        """The export's address beside the usual ones."""
        view = self.admin_site.admin_view(self.export_view)
        return [path("export/", view, name=self._export_name(False)), *super().get_urls()]

    def export_view(self, request: HttpRequest) -> HttpResponseBase:
        """The rows that the list's page shows with the same query, all of them."""
        if not self.has_view_permission(request) or not may_see_addresses(request.user):
            raise PermissionDenied
        try:
            lines = self.export_lines(request)
        except IncorrectLookupParameters:
            return HttpResponseBadRequest("There is no such filter.")
        name = f"{self.opts.model_name}-{timezone.localtime():%Y-%m-%d-%H%M}.csv"
        self._note_export(request)
        return StreamingHttpResponse(
            lines,
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"', "X-Accel-Buffering": "no"},
        )

    def _note_export(self, request: HttpRequest) -> None:
        LogEntry.objects.create(
            user_id=request.user.pk or 0,
            content_type=ContentType.objects.get_for_model(self.model),
            object_repr=str(self.opts.verbose_name_plural),
            action_flag=CHANGE,
            change_message=f"Exported as CSV{', filtered' if request.GET else ''}.",
        )

    def _export_name(self, is_whole: bool) -> str:
        return f"{'admin:' if is_whole else ''}{self.opts.app_label}_{self.opts.model_name}_export"
