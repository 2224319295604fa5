"""What an import's page shows at each step."""

import csv
from itertools import islice
from pathlib import Path
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from mailer.admin.access import may_import, may_see_addresses
from mailer.admin.columns import list_of
from mailer.admin.import_form import LayoutForm, StartForm
from mailer.audience.csv_file import Look, look_at
from mailer.audience.reading import UnreadableFile
from mailer.insight.imports import count_table, progress_of, undo_in_words
from mailer.models import Import, RecipientList, Subscription
from mailer.waking import wake_import

#: Bad lines, or people who were kept, that the page itself shows.
SHOWN = 10
_TO_LOOK_AT = (Import.State.UPLOADED, Import.State.CHECKED, Import.State.FAILED)


def import_doors(request: HttpRequest, mailing_list: RecipientList | None = None) -> list[tuple[str, str]]:
    """The way to a new import, for those who may."""
    query = f"?list={mailing_list.pk}" if mailing_list else ""
    return [("Import recipients", f"{reverse('admin:mailer_import_add')}{query}")] if may_import(request.user) else []


def look_of(imported: Import) -> Look | str:
    """What the file seems to be, or why it cannot be read."""
    try:
        return look_at(imported.path, imported.encoding, imported.delimiter, imported.has_heading)
    except (UnreadableFile, OSError) as error:
        return str(error)


def wake_if_forgotten(imported: Import) -> None:
    """Tell a worker again, if none has the import in hand though one was told a while ago."""
    if imported.is_working and Import.objects.forgotten(timezone.now()).filter(pk=imported.pk).exists():
        wake_import(imported.pk)


def story_of(
    request: HttpRequest, imported: Import, layout_form: LayoutForm | None = None, start_form: StartForm | None = None
) -> dict[str, Any]:
    """What the template shows."""
    look = look_of(imported) if imported.state in _TO_LOOK_AT else "over"
    if layout_form is None and isinstance(look, Look):
        layout_form = LayoutForm(look, imported)
    people = list_of(Subscription, f"list__id__exact={imported.list_id}")
    return {
        "imported": imported,
        "may_import": may_import(request.user),
        "may_download": may_see_addresses(request.user),
        "layout_form": layout_form,
        "start_form": start_form or StartForm(),
        "progress": progress_of(imported),
        "count_table": count_table(imported) if imported.counts else [],
        "bad_lines": _first_rows(imported.bad_lines),
        "kept_people": _first_rows(imported.kept_people),
        "undone_in_words": undo_in_words(imported),
        "can_be_undone": imported.state == Import.State.DONE and imported.path.exists(),
        "subscribers": people,
    }


def _first_rows(path: Path) -> list[list[str]]:
    if not path.exists():
        return []
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [row[:3] for row in islice(csv.reader(file), 1, SHOWN + 1)]
