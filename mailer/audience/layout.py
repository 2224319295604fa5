"""What the columns of a file of people mean, and how their rows become rows for the staging table.

Works by columns, not by rows: what is the same in many cells (a time zone, a city) is looked at once.
"""

import json
from collections.abc import Callable, Iterable, Sequence

from django.core.exceptions import ValidationError

from mailer.audience import cells
from mailer.models import normalise_address
from mailer.models.addresses import PLAIN

#: A row for the staging table: address, name, time zone, language, attributes and membership as JSON.
StagedRow = tuple[str, ...]
#: What is wrong with a row, by its place among those that are looked at together.
Faults = dict[int, str]

#: What a column can mean beside an attribute, and its name for people.
FIELDS = {
    "email": "Address",
    "name": "Name",
    "time_zone": "Time zone",
    "language": "Language",
    "status": "Subscription: state",
    "cadence": "Subscription: how often",
    "source": "Subscription: how they came",
    "subscribed_at": "Subscription: since",
    "confirmed_at": "Subscription: confirmed",
    "unsubscribed_at": "Subscription: left",
    "paused_until": "Subscription: paused until",
    "attributes": "Attributes, as JSON",
}
#: Those that are said of a new subscription; who is on the list already stays as they are.
MEMBERSHIP = ("status", "cadence", "source", "subscribed_at", "confirmed_at", "unsubscribed_at", "paused_until")
#: The prefix of the meaning of every other column.
ATTRIBUTE = "attribute:"
_WORDS = {
    "email": {"emailaddress", "mail", "address"},
    "name": {"fullname"},
    "time_zone": {"tz", "zone"},
    "language": {"lang", "locale"},
}
_PERSON = {"name": cells.name, "time_zone": cells.time_zone, "language": cells.language}


def guess_meanings(heading: Sequence[str], sample: Sequence[Sequence[str]]) -> list[str]:
    """What the columns mean by their headings, and where no heading names the address, by what is in them.

    Of two columns with one meaning the first has it.
    """
    guessed: list[str] = []
    for index, text in enumerate(heading):
        meaning = _guess(text)
        is_fitting = _fits(meaning, [row[index] for row in sample if index < len(row)])
        if meaning in FIELDS and (not is_fitting or meaning in guessed):
            meaning = f"{ATTRIBUTE}{text.strip().lower()}"
        guessed.append("" if meaning in guessed else meaning)
    if "email" not in guessed and (place := _address_column(len(heading), sample)) is not None:
        guessed[place] = "email"
    return guessed


def is_address(cell: str) -> bool:
    """Whether it is a mail address."""
    try:
        normalise_address(cells.cleaned(cell))
    except ValidationError:
        return False
    return True


class Layout:
    """Which column of a file means what."""

    def __init__(self, meanings: Sequence[str]) -> None:
        """The meaning of each column: one of FIELDS, ATTRIBUTE and a name, or nothing. One of them is `email`."""
        self._width = len(meanings)
        self._at = {meaning: index for index, meaning in enumerate(meanings) if meaning in FIELDS}
        self._attributes = [
            (index, cells.attribute(meaning.removeprefix(ATTRIBUTE)))
            for index, meaning in enumerate(meanings)
            if meaning.startswith(ATTRIBUTE)
        ]
        self._membership = [(self._at[field], cells.membership(field)) for field in MEMBERSHIP if field in self._at]
        self._has_json = "attributes" in self._at
        if self._has_json:
            self._attributes.append((self._at["attributes"], cells.attributes))

    def normalise(self, rows: list[list[str]]) -> tuple[list[StagedRow], Faults]:
        """Rows of cells as rows for the staging table, and what is wrong with those that are left out."""
        faults: Faults = {}
        if set(map(len, rows)) != {self._width}:
            rows = [self._fit(row, index, faults) for index, row in enumerate(rows)]
        columns = list(zip(*rows, strict=True))
        staged = [_addresses(columns[self._at["email"]], faults)]
        for field, convert in _PERSON.items():
            at = self._at.get(field)
            staged.append([""] * len(rows) if at is None else _convert(columns[at], convert, faults))
        staged.append(self._merge_attributes(columns, faults) if self._attributes else ["{}"] * len(rows))
        staged.append(_joined(columns, self._membership, faults) if self._membership else [""] * len(rows))
        good = list(zip(*staged, strict=True))
        return ([row for index, row in enumerate(good) if index not in faults] if faults else good), faults

    def _fit(self, row: list[str], index: int, faults: Faults) -> list[str]:
        """The row in the heading's width; cells that are too many may be empty."""
        if any(row[self._width :]):
            faults[index] = f"{len(row)} cells where the heading has {self._width}."
        return [*row[: self._width], *[""] * (self._width - len(row))]

    def _merge_attributes(self, columns: list[tuple[str, ...]], faults: Faults) -> list[str]:
        objects = _joined(columns, self._attributes, faults)
        # A key may be in the JSON and have a column too.
        return [json.dumps(json.loads(text)) for text in objects] if self._has_json else objects


def _joined(
    columns: list[tuple[str, ...]], parts: Iterable[tuple[int, Callable[[str], str]]], faults: Faults
) -> list[str]:
    """JSON objects of the parts that the columns' cells become."""
    converted = [_convert(columns[index], convert, faults) for index, convert in parts]
    if len(converted) == 1:
        return [f"{{{part}}}" for part in converted[0]]
    return [f"{{{', '.join(filter(None, row))}}}" for row in zip(*converted, strict=True)]


def _convert(column: Sequence[str], convert: Callable[[str], str], faults: Faults) -> list[str]:
    """Each cell converted, each different one once; a ValidationError becomes the fault of its rows."""
    known, wrong = {}, {}
    for cell in set(column):
        try:
            known[cell] = convert(cell)
        except ValidationError as error:
            known[cell], wrong[cell] = "", " ".join(error.messages)
    if wrong:
        for index, cell in enumerate(column):
            if cell in wrong:
                faults.setdefault(index, wrong[cell])
    return [known[cell] for cell in column]


def _addresses(column: Sequence[str], faults: Faults) -> list[str]:
    is_plain = PLAIN.fullmatch
    addresses = [cell.strip().lower() for cell in column]
    for index in [index for index, address in enumerate(addresses) if not is_plain(address)]:
        try:
            addresses[index] = normalise_address(cells.cleaned(column[index]))
        except ValidationError as error:
            faults.setdefault(index, " ".join(error.messages))
    return addresses


def _guess(heading: str) -> str:
    """One of FIELDS, an attribute, or nothing for a column without a heading, and for an export's name of the list."""
    plain = heading.strip().lower()
    squeezed = plain.replace(" ", "").replace("-", "").replace("_", "").replace(".", "")
    words = {field: {field.replace("_", "")} | _WORDS.get(field, set()) for field in FIELDS}
    found = next((field for field, known in words.items() if squeezed in known), "")
    return found or (f"{ATTRIBUTE}{plain}" if plain not in ("", "list") else "")


def _fits(meaning: str, sample: Iterable[str]) -> bool:
    """Whether the cells are what the heading promises: many files have a `status` that is none of ours."""
    if meaning not in MEMBERSHIP and meaning != "attributes":
        return True
    convert = cells.attributes if meaning == "attributes" else cells.membership(meaning)
    faults: Faults = {}
    _convert(list(sample), convert, faults)
    return not faults


def _address_column(width: int, sample: Sequence[Sequence[str]]) -> int | None:
    counts = [sum(is_address(row[index]) for row in sample if index < len(row)) for index in range(width)]
    best = max(range(width), key=counts.__getitem__, default=0)
    return best if counts and counts[best] * 2 > len(sample) else None
