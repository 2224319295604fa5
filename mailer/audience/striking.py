"""Strikes people who were erased out of the files that imports keep, line by line."""

import csv
from collections.abc import Collection, Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import IO

from mailer.audience.reading import UnreadableFile, lines_of
from mailer.audience.uploads import discard_files
from mailer.models import Erasure, Import, InvalidAddress, fingerprint
from mailer.models.addresses import ADDRESS


def strike_erased(now: datetime) -> int:
    """Take whom nobody has struck yet out of every file that was kept before they were erased. Returns how many people.

    Nothing but fingerprints is known of them. While a worker reads a file, it is left for the next time; to do it all
    again does no harm.
    """
    erasures = list(Erasure.objects.filter(struck_at=None))
    if not erasures:
        return 0
    is_complete = True
    for imported in Import.objects.filter(created_at__lte=max(erasure.erased_at for erasure in erasures)):
        marks = {erasure.fingerprint for erasure in erasures if erasure.erased_at >= imported.created_at}
        if imported.leased_until is not None and imported.leased_until > now:
            is_complete = False
        else:
            _strike_import(imported, marks)
    if not is_complete:
        return 0
    return Erasure.objects.filter(pk__in=[erasure.pk for erasure in erasures]).update(struck_at=now)


def _strike_import(imported: Import, marks: Collection[str]) -> None:
    try:
        _strike(imported.path, imported.encoding, imported.delimiter, marks)
        for told in (imported.bad_lines, imported.kept_people):
            _strike(told, "utf-8-sig", ",", marks)
    except (UnreadableFile, UnicodeError, LookupError, csv.Error):
        discard_files(imported)  # nobody can import it either, nor tell who is in it


def _strike(path: Path, encoding: str, delimiter: str, marks: Collection[str]) -> None:
    """Write the file anew without the rows that name one of them; what is left keeps its bytes."""
    part, encoding = path.with_name(f"{path.name}.part"), encoding.removesuffix("-sig")  # a mark at its beginning stays
    with suppress(FileNotFoundError):  # it was thrown away, or never was there
        with path.open(encoding=encoding, newline="") as file, part.open("w", encoding=encoding, newline="") as kept:
            struck = 0
            for row in _rows(file, delimiter):
                if _names(row, marks):
                    struck += 1
                    row = "\r\n"  # an empty line, so that the numbers of the others stay as they were told
                kept.write(row)
        if struck:
            part.replace(path)
    part.unlink(missing_ok=True)


def _rows(file: IO[str], delimiter: str) -> Iterator[str]:
    """Each row as it stands there; a quoted cell may run over several lines."""
    lines: list[str] = []

    def read() -> Iterator[str]:
        for line in lines_of(file):
            lines.append(line)
            yield line

    for _ in csv.reader(read(), delimiter=delimiter):
        yield "".join(lines)
        lines.clear()


def _names(row: str, marks: Collection[str]) -> bool:
    for found in ADDRESS.findall(row):
        for address in {found, found.strip("'")}:  # a reason quotes what it is about
            with suppress(InvalidAddress):
                if fingerprint(address) in marks:
                    return True
    return False
