"""Reads a CSV file a few hundred rows at a time, so that a chunk stays in the processor's cache."""

import csv
from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from mailer.audience.layout import Layout, StagedRow

#: Rows that are read and looked at together.
ROWS = 500
#: Told of each line that can't be used: its number, and why.
Complaint = Callable[[int, str], None]


class UnreadableFile(ValueError):
    """The file as a whole can't be imported; the message says why."""


def read_rows(lines: Iterable[str], delimiter: str, layout: Layout, complain: Complaint) -> Iterator[list[StagedRow]]:
    """The usable rows below the heading, in chunks. Empty lines are passed over.

    Raises UnreadableFile for a line that is no CSV.
    """
    reader = csv.reader(lines, delimiter=delimiter)
    before = 0
    try:
        while rows := list(islice(reader, ROWS)):
            good, faults = layout.normalise([_without_nul(cells) for cells in rows] if _has_nul(rows) else rows)
            if faults:
                numbers = _line_numbers(rows, before)
                for index in sorted(faults):
                    if any(cell.strip() for cell in rows[index]):
                        complain(numbers[index] + 1, faults[index])
            before = reader.line_num
            yield good
    except csv.Error as error:
        raise UnreadableFile(f"Line {reader.line_num + 1}: {error}") from error


def _line_numbers(rows: list[list[str]], before: int) -> list[int]:
    """Where each row begins; a quoted cell may run over several lines."""
    numbers, number = [], before + 1
    for cells in rows:
        numbers.append(number)
        number += 1 + sum(cell.count("\n") + cell.count("\r") - cell.count("\r\n") for cell in cells)
    return numbers


def _has_nul(rows: list[list[str]]) -> bool:
    return "\x00" in "".join(map("".join, rows))


def _without_nul(cells: list[str]) -> list[str]:
    return [cell.replace("\x00", "") for cell in cells]
