"""Keeps files of people until they are imported and some days longer, and throws them away then."""

import csv
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from email.utils import getaddresses
from io import StringIO
from typing import Any

from django.conf import settings
from django.db.models import Q

from mailer.audience.csv_file import look_at
from mailer.audience.layout import guess_meanings
from mailer.audience.reading import UnreadableFile
from mailer.models import Import, ImportChange, RecipientList

#: What `Import.file_name` says of addresses that were pasted.
PASTED = "pasted addresses"


def keep_file(mailing_list: RecipientList, name: str, blocks: Iterable[bytes], user: Any = None) -> Import:
    """Keep a file for a list, with a guess at its form and columns.

    Raises UnreadableFile for what is no CSV or too long; then nothing is kept.
    """
    imported = Import.objects.create(list=mailing_list, file_name=name.replace("\x00", "")[-200:], created_by=user)
    try:
        imported.size = _write(imported, blocks)
        set_form(imported)
    except (UnreadableFile, OSError):
        discard_files(imported)
        imported.delete()
        raise
    return imported


def set_form(imported: Import, encoding: str = "", delimiter: str = "", has_heading: bool | None = None) -> None:
    """Look at the file in this form, or in the one that it seems to have; guess its columns. Raises UnreadableFile."""
    look = look_at(imported.path, encoding, delimiter, has_heading)
    imported.encoding, imported.delimiter, imported.has_heading = look.encoding, look.delimiter, look.has_heading
    imported.meanings = guess_meanings(look.heading if look.has_heading else [""] * len(look.heading), look.sample)
    imported.save()


def pasted_as_csv(text: str) -> bytes:
    """Addresses, with or without names, by lines, commas or semicolons, as a file; a table stays what it is."""
    if _is_table(text):
        return text.encode()
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["email", "name"])
    for line in text.splitlines():
        for entry in re.split(r"[;,](?=[^\"]*(?:\"[^\"]*\"[^\"]*)*$)", line):
            if entry.strip():
                name, address = (getaddresses([entry]) or [("", "")])[0]
                writer.writerow([address or entry.strip(), name])
    return out.getvalue().encode()


def discard_files(imported: Import) -> None:
    """Delete what is kept of the import."""
    for path in (imported.path, imported.bad_lines, imported.kept_people):
        with suppress(FileNotFoundError):
            path.unlink()


def purge_imports(now: datetime) -> int:
    """Throw away the files of imports that ended, or were left lying, IMPORT_DAYS ago. Returns how many."""
    before = now - timedelta(days=settings.IMPORT_DAYS)
    old = Import.objects.exclude(state__in=Import.WORKING).filter(
        Q(finished_at__lt=before) | Q(finished_at=None, created_at__lt=before)
    )
    kept = [imported for imported in old if imported.path.exists() or imported.changes.exists()]
    for imported in kept:
        discard_files(imported)
        ImportChange.objects.filter(of=imported).delete()
    return len(kept)


def _write(imported: Import, blocks: Iterable[bytes]) -> int:
    """Returns the size."""
    most, size = settings.IMPORT_MEGABYTES * 1_000_000, 0
    imported.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with imported.path.open("wb") as file:
        for block in blocks:
            size += len(block)
            if size > most:
                raise UnreadableFile(f"The file has over {settings.IMPORT_MEGABYTES} MB; split it, please.")
            file.write(block)
    return size


def _is_table(text: str) -> bool:
    """Whether it has a heading that names columns: no address in its first line, and more than one line."""
    lines: Sequence[str] = text.strip().splitlines()
    return len(lines) > 1 and "@" not in lines[0]
