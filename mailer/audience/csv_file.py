"""Looks at the beginning of a file: is it CSV, in which encoding, with which delimiter and heading?"""

import codecs
import csv
from collections import Counter
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from mailer.audience.layout import is_address
from mailer.audience.reading import UnreadableFile, wrong_byte

#: What is looked at.
BEGINNING = 262_144
SAMPLE_ROWS = 30
MOST_COLUMNS = 200
#: Python's name for an encoding, and its name for people.
ENCODINGS = {
    "utf-8-sig": "UTF-8",
    "utf-16": "UTF-16",
    "utf-16-le": "UTF-16, little-endian",
    "utf-16-be": "UTF-16, big-endian",
    "cp1252": "Windows-1252 (Western European)",
}
DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar"}
_AS_CSV = "Open it there and save it as “CSV UTF-8”."
_OTHERS = {
    b"PK\x03\x04": f"This is an Excel workbook or a zip archive. {_AS_CSV}",
    b"\xd0\xcf\x11\xe0": f"This is an old Excel workbook. {_AS_CSV}",
    b"%PDF": "This is a PDF document, not a CSV file.",
    b"\x1f\x8b": "This is a compressed file. Unpack it first.",
}


@dataclass(frozen=True)
class Look:
    """What a file seems to be."""

    encoding: str
    delimiter: str
    has_heading: bool
    rows: list[list[str]]  #: the first few, the heading among them

    @property
    def heading(self) -> list[str]:
        """The columns' names, made up where there is no heading."""
        if self.has_heading:
            return self.rows[0]
        return [f"Column {number}" for number in range(1, max(map(len, self.rows)) + 1)]

    @property
    def sample(self) -> list[list[str]]:
        """The first rows below the heading."""
        return self.rows[1:] if self.has_heading else self.rows


def look_at(path: Path, encoding: str = "", delimiter: str = "", has_heading: bool | None = None) -> Look:
    """What the file is, as far as it was not said. Raises UnreadableFile."""
    with path.open("rb") as file:
        beginning = file.read(BEGINNING)
    _refuse_others(beginning)
    encoding = encoding or _encoding_of(beginning)
    lines = _lines_of(beginning, encoding, is_all=len(beginning) < BEGINNING)
    delimiter = delimiter or max(DELIMITERS, key=lambda mark: _score(_rows(lines, mark)))
    rows = [row for row in _rows(lines, delimiter) if any(cell.strip() for cell in row)]
    if not rows:
        raise UnreadableFile("The file has no lines with anything in them.")
    if max(map(len, rows)) > MOST_COLUMNS:
        raise UnreadableFile(f"The file has {max(map(len, rows)):,} columns; at most {MOST_COLUMNS} can be imported.")
    if has_heading is None:
        has_heading = not any(map(is_address, rows[0]))
    return Look(encoding, delimiter, has_heading, rows)


def _refuse_others(beginning: bytes) -> None:
    if not beginning.strip():
        raise UnreadableFile("The file is empty.")
    for mark, reason in _OTHERS.items():
        if beginning.startswith(mark):
            raise UnreadableFile(reason)


def _encoding_of(beginning: bytes) -> str:
    """By its byte order mark, else by where its zeros are: ASCII in UTF-16 has every second byte zero."""
    if beginning.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    even, odd = beginning[::2].count(0), beginning[1::2].count(0)
    if max(even, odd) * 4 > len(beginning):
        return "utf-16-le" if odd > even else "utf-16-be"
    return "utf-8-sig"


def _lines_of(beginning: bytes, encoding: str, is_all: bool) -> list[str]:
    """The whole lines in it. Raises UnreadableFile for what is no text in this encoding, or has no lines."""
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(beginning, final=is_all)
    except UnicodeDecodeError as error:
        raise UnreadableFile(wrong_byte(error, len(beginning))) from error
    except UnicodeError as error:
        raise UnreadableFile(f"The file is not {ENCODINGS[encoding]} text: {error}.") from error
    odd = sum(not (character.isprintable() or character.isspace()) for character in text[:10_000])
    if odd * 10 > min(len(text), 10_000):
        raise UnreadableFile("This is no text, and so no CSV file.")
    lines = list(StringIO(text, newline=""))  # as the whole file will be read: Unicode has more line ends than CSV
    if not is_all:
        lines.pop()
    if not lines:
        raise UnreadableFile(f"There is no line break in the first {len(beginning):,} bytes, so it is no CSV file.")
    return [line.rstrip("\r\n") + "\n" for line in lines[: SAMPLE_ROWS * 10]]


def _rows(lines: list[str], delimiter: str) -> list[list[str]]:
    rows: list[list[str]] = []
    try:
        for row in csv.reader(lines, delimiter=delimiter):
            rows.append(row)
            if len(rows) == SAMPLE_ROWS:
                break
    except csv.Error as error:
        raise UnreadableFile(f"Line {len(rows) + 1}: {error}.") from error
    return rows


def _score(rows: list[list[str]]) -> tuple[int, int]:
    """How many rows have the same number of cells, more than one, and how many these are."""
    widths = Counter(len(row) for row in rows if len(row) > 1)
    width, count = max(widths.items(), key=lambda pair: (pair[1], pair[0]), default=(0, 0))
    return count, width
