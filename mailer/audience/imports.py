"""Checks an import, runs it, and says how far it is: whoever does it holds the row's lease, and others can take over.

Nothing is written before the last transaction, so beginning again is safe; that transaction also ends the import, and
only if the lease is still one's own.
"""

import csv
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils import timezone

from mailer.audience.cells import sheltered
from mailer.audience.erasure import suppress_erased
from mailer.audience.layout import Layout
from mailer.audience.reading import RowReader, UnreadableFile
from mailer.audience.staging import Staging
from mailer.audience.writing import write_staged
from mailer.models import Import
from mailer.models.imports import PATIENCE

#: How long the last transaction may take before another worker begins anew.
WRITING = timedelta(minutes=10)
#: After so many workers that died over it, an import is given up.
MOST_TRIES = 5
_STEP_SECONDS = 1.0


class LostImport(Exception):
    """Another worker has taken the import over, or it was ended."""


class Lease:
    """The right to work on an import, kept up while the work goes on."""

    def __init__(self, imported: Import) -> None:
        """The import as it was claimed."""
        self.imported = imported
        self._told = time.monotonic()

    def tell(self, done_bytes: int) -> None:
        """Say how far the work is, each second. Raises LostImport."""
        if time.monotonic() - self._told >= _STEP_SECONDS:
            self._told = time.monotonic()
            self._extend(PATIENCE, done_bytes=done_bytes)

    def begin_writing(self) -> None:
        """From here on nobody hears of us until all is committed. Raises LostImport."""
        self._extend(WRITING, done_bytes=self.imported.size)

    def end(self, state: Import.State, **values: Any) -> None:
        """The import's last word, in the transaction that writes. Raises LostImport."""
        self._update(state=state, leased_until=None, done_bytes=self.imported.size, **values)

    def _extend(self, span: timedelta, **values: Any) -> None:
        until = timezone.now() + span
        self._update(leased_until=until, **values)
        self.imported.leased_until = until

    def _update(self, **values: Any) -> None:
        mine = Import.objects.filter(
            pk=self.imported.pk, state=self.imported.state, leased_until=self.imported.leased_until
        )
        if not mine.update(**values):
            raise LostImport(f"Import {self.imported.pk} is not ours any more.")


def claim_import(pk: int, now: datetime) -> Lease | None:
    """The lease of an import on which somebody should work and nobody does; None if there is no such."""
    imported = Import.objects.free(now).filter(pk=pk).select_related("list").first()
    if imported is None:
        return None
    before = Import.objects.free(now).filter(pk=pk, state=imported.state, tries=imported.tries)
    if imported.tries >= MOST_TRIES:
        before.update(state=Import.State.FAILED, problem=f"Given up: {MOST_TRIES} workers have died over it.")
        return None
    imported.leased_until, imported.tries = now + PATIENCE, imported.tries + 1
    taken = before.update(leased_until=imported.leased_until, tries=imported.tries, done_bytes=0)
    return Lease(imported) if taken else None


def check_import(lease: Lease) -> None:
    """Read the whole file and count what would become of it; nothing is written. Raises LostImport."""
    with _staged(lease) as (staging, count_bad):
        counts = {**asdict(staging.match(timezone.now())), "invalid": count_bad()}
        lease.end(Import.State.CHECKED, counts=counts, tries=0)


def run_import(lease: Lease) -> None:
    """Put the file's people on the list, all in one transaction. Raises LostImport."""
    imported = lease.imported
    with _staged(lease) as (staging, count_bad):
        lease.begin_writing()
        with transaction.atomic():
            now = timezone.now()
            counts = {**asdict(staging.match(now)), "invalid": count_bad()}
            suppress_erased(staging.come_back)
            made = write_staged(imported, imported.meanings, source_of(imported), now)
            lease.end(Import.State.DONE, counts=counts, made=made, started_at=now, finished_at=timezone.now(), tries=0)


def source_of(imported: Import) -> str:
    """What the subscriptions that an import makes say of how they came."""
    why = f", subscribed again: {imported.reason}" if imported.resubscribe else ""
    return f"import {imported.pk}: {imported.file_name[:50]}{why}"


def work_on(lease: Lease, work: Callable[[Lease], None]) -> None:
    """Do the work; a file that can't be read ends the import with the reason."""
    try:
        work(lease)
    except UnreadableFile as error:
        lease.end(Import.State.FAILED, problem=str(error)[:500])


def reader_of(imported: Import) -> RowReader:
    """Reads the import's file in the form that was found or chosen."""
    return RowReader(imported.path, imported.encoding, imported.delimiter, imported.has_heading)


@contextmanager
def _staged(lease: Lease) -> Iterator[tuple[Staging, Callable[[], int]]]:
    """All of the file's usable rows, and how many were not."""
    imported, reader = lease.imported, reader_of(lease.imported)
    with Staging(imported) as staging, _BadLines(imported.bad_lines) as bad:
        for rows in reader.read(Layout(imported.meanings), bad.add):
            staging.add(rows)
            lease.tell(reader.bytes_read)
        yield staging, lambda: bad.count


class _BadLines:
    """Writes the lines that can't be used to a file, so that a million of them take no memory."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.count = 0

    def __enter__(self) -> "_BadLines":
        self._file = self._path.open("w", encoding="utf-8-sig", newline="")
        self._writer = csv.writer(self._file, quoting=csv.QUOTE_ALL)
        self._writer.writerow(["line", "reason", "the line's cells"])
        return self

    def __exit__(self, *exception: object) -> None:
        self._file.close()

    def add(self, number: int, reason: str, row: list[str]) -> None:
        self.count += 1
        self._writer.writerow([number, *map(sheltered, [reason, *row])])
