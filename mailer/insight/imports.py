"""What staff read of an import: how far it is, and what became of the file's lines."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mailer.insight.words import count_of, size, when
from mailer.models import Import

#: How many of a list's imports are looked through for a bad line, and how many bytes of such lines of each.
MOST_IMPORTS, MOST_BYTES = 10, 2_000_000
_VERBS = {
    Import.State.CHECKING: "Reading the file",
    Import.State.RUNNING: "Reading the file",
    Import.State.UNDOING: "Reading the file again, to see who is still as it left them",
}


def progress_of(imported: Import) -> dict[str, Any]:
    """Percent of the bytes that are read, and a sentence."""
    percent = min(100, int(100 * imported.done_bytes / max(imported.size, 1))) if imported.is_working else 100
    if not imported.is_working:
        words = "Done."
    elif imported.leased_until is None:
        words = "Waits for a worker."
    elif percent >= 100:
        words = "All is read; now it is put into the database, all at once."
    else:
        done, whole = size(imported.done_bytes), size(imported.size)
        words = f"{_VERBS[Import.State(imported.state)]}: {done} of {whole}."
    return {"percent": percent, "words": words}


def counts_in_words(imported: Import) -> str:
    """`1,000 new, 20 changed`; only what there is."""
    counts = imported.counts
    words = {"new": "new", "changed": "changed", "unchanged": "unchanged", "invalid": "not usable"}
    return ", ".join(f"{counts[name]:,} {word}" for name, word in words.items() if counts.get(name))


def count_table(imported: Import) -> list[tuple[int, str, str]]:
    """Each count, what it counts, and what that means."""
    counts = imported.counts
    is_done = imported.state not in (Import.State.CHECKED, Import.State.CHECKING)
    return [
        (counts.get("new", 0), "new", "are made" if not is_done else "were made"),
        (counts.get("changed", 0), "changed", "are known, and the file says something new of them"),
        (counts.get("unchanged", 0), "unchanged", "are known, and the file says nothing new"),
        (counts.get("joining", 0), "onto the list", "were not on it before"),
        (counts.get("unsubscribed", 0), "unsubscribed", _unsubscribed(imported)),
        (counts.get("suppressed", 0), "suppressed", "nothing goes to their addresses, on the list or not"),
        (counts.get("duplicates", 0), "twice in the file", "of lines with one address the first counts"),
        (counts.get("invalid", 0), "not usable", "are left out, each with its reason"),
    ]


def undo_in_words(imported: Import) -> str:
    """What undoing did."""
    counts = imported.counts
    kept = counts.get("kept", 0)
    parts = [
        f"{count_of(counts.get('undone_subscriptions', 0), 'subscription')} and "
        f"{count_of(counts.get('undone_recipients', 0), 'recipient')} are gone",
        f"{count_of(counts.get('undone_changes', 0), 'person', 'people')} got earlier values back",
    ]
    if kept:
        parts.append(f"{count_of(kept, 'person', 'people')} stayed, because more happened with them since")
    if counts.get("kept_changes"):
        parts.append(f"{counts['kept_changes']:,} changed values were changed again since and stayed")
    return "; ".join(parts) + "."


def _unsubscribed(imported: Import) -> str:
    return "are subscribed again" if imported.resubscribe else "left this list, and are not put back on it"


def bad_line_of(address: str, list_id: int) -> tuple[str, Import] | None:
    """In which of the list's last imports the address stood in a line that could not be used, and why, in words."""
    for imported in Import.objects.filter(list=list_id, state=Import.State.DONE)[:MOST_IMPORTS]:
        for number, reason, *cells in _rows(imported.bad_lines):
            if any(cell.strip().lower() == address for cell in cells):
                at = when(imported.finished_at)
                return f"line {number} of {imported.file_name}, imported on {at}, could not be used: {reason}", imported
    return None


def _rows(path: Path) -> Iterator[list[str]]:
    if not path.exists():
        return
    with path.open(encoding="utf-8-sig", newline="") as file:
        yield from csv.reader(file.read(MOST_BYTES).splitlines(keepends=True)[1:])
