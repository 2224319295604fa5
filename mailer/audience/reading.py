"""Reads a CSV file a few hundred rows at a time, so that a chunk stays in the processor's cache."""

import csv
from collections.abc import Callable, Iterator
from io import BufferedReader, TextIOWrapper
from itertools import chain, islice
from pathlib import Path
from typing import IO

from mailer.audience.layout import Layout, StagedRow

#: Rows that are read and looked at together.
ROWS = 500
#: Characters of a line. No file of people has a longer one, and a longer one would fill the memory.
LONGEST_LINE = 1_000_000
#: Told of each row that can't be used: the number of its line, why, and its cells.
Complaint = Callable[[int, str, list[str]], None]
# After the last line. Inside a quoted cell it is part of that cell: then a quotation mark was never closed.
_END = "\x00end\x00"


class UnreadableFile(ValueError):
    """The file as a whole can't be imported; the message says why."""


class RowReader:
    """Reads the usable rows of one file."""

    def __init__(self, path: Path, encoding: str, delimiter: str, has_heading: bool) -> None:
        """Of this form."""
        self._path, self._encoding, self._delimiter = path, encoding, delimiter
        self._has_heading = has_heading
        self.bytes_read = 0

    def read(self, layout: Layout, complain: Complaint) -> Iterator[list[StagedRow]]:
        """The usable rows below the heading, in chunks; empty lines are passed over. Raises UnreadableFile."""
        with _open(self._path) as file, TextIOWrapper(file, encoding=self._encoding, newline="") as text:
            reader = csv.reader(chain(lines_of(text), [_END]), delimiter=self._delimiter)
            try:
                if self._has_heading:
                    next(reader)
                before = reader.line_num
                while rows := list(islice(reader, ROWS)):
                    self.bytes_read = file.tell()
                    yield _check(rows, before, layout, complain)
                    before = reader.line_num
            except csv.Error as error:
                raise UnreadableFile(f"Line {reader.line_num}: {_explained(error)}") from error
            except UnicodeDecodeError as error:
                raise UnreadableFile(wrong_byte(error, file.tell())) from error


def wrong_byte(error: UnicodeDecodeError, position: int) -> str:
    """Where the text stops being what it claims to be; `position` is how many bytes were read."""
    at = position - len(error.object) + error.start + 1
    return (
        f"Byte number {at:,} is {error.object[error.start]:#04x}, which is not {error.encoding.upper()} text. "
        "Save the file as “CSV UTF-8”, or choose another encoding."
    )


def lines_of(text: IO[str]) -> Iterator[str]:
    """The lines of a file, none longer than LONGEST_LINE. Raises UnreadableFile."""
    while line := text.readline(LONGEST_LINE):
        if len(line) == LONGEST_LINE and not line.endswith(("\n", "\r")):
            raise UnreadableFile(f"A line has over {LONGEST_LINE:,} characters: this is no CSV file of people.")
        yield line


def _check(rows: list[list[str]], before: int, layout: Layout, complain: Complaint) -> list[StagedRow]:
    broken = _broken(rows)
    if not rows:
        return []
    # An empty row has no address, so it is left out.
    good, faults = layout.normalise(
        [[] if index in broken else row for index, row in enumerate(rows)] if broken else rows
    )
    if faults:
        numbers = _line_numbers(rows, before)
        for index, reason in sorted((faults | broken).items()):
            if any(cell.strip() for cell in rows[index]):
                complain(numbers[index], reason, rows[index])
    return good


def _broken(rows: list[list[str]]) -> dict[int, str]:
    """What no reading of the cells can mend; takes the end mark out."""
    broken = {}
    if rows[-1] == [_END]:
        rows.pop()
    elif rows[-1] and rows[-1][-1].endswith(_END):
        rows[-1][-1] = rows[-1][-1].removesuffix(_END)
        broken[len(rows) - 1] = "A quotation mark that is opened here is never closed."
    if "\x00" in "".join(map("".join, rows)):
        for index, row in enumerate(rows):
            if "\x00" in "".join(row):
                broken.setdefault(index, "There is a NUL character in it. Is the file UTF-16?")
    return broken


def _open(path: Path) -> BufferedReader:
    try:
        return path.open("rb")
    except FileNotFoundError as error:
        raise UnreadableFile(
            "The file is no longer there. If web and workers run on different machines, both must see IMPORT_DIR."
        ) from error


def _line_numbers(rows: list[list[str]], before: int) -> list[int]:
    """Where each row begins; a quoted cell may run over several lines."""
    numbers, number = [], before + 1
    for row in rows:
        numbers.append(number)
        number += 1 + sum(cell.count("\n") + cell.count("\r") - cell.count("\r\n") for cell in row)
    return numbers


def _explained(error: csv.Error) -> str:
    if "field limit" in str(error):
        return f"a cell has over {csv.field_size_limit():,} characters. Is a quotation mark not closed before?"
    return f"{error}."
