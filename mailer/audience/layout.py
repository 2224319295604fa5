"""What the columns of a file of people mean, and how their cells become what is stored.

Works by columns, not by rows: what is the same in many cells (a time zone, a city) is looked at once.
"""

from collections.abc import Callable, Sequence
from json.encoder import encode_basestring_ascii

from django.core.exceptions import ValidationError

from mailer.models import Recipient, normalise_address, validate_time_zone
from mailer.models.addresses import PLAIN

#: A row for the staging table: address, name, time zone, language, attributes as JSON.
StagedRow = tuple[str, ...]
#: What is wrong with a row, by its place among those that are looked at together.
Faults = dict[int, str]

#: The headings that are understood, in lower case without spaces, dots and dashes.
HEADINGS = {
    "email": {"email", "emailaddress", "mail", "address"},
    "name": {"name", "fullname"},
    "time_zone": {"timezone", "tz", "zone"},
    "language": {"language", "lang", "locale"},
}
#: Characters of one cell that is kept as an attribute.
LONGEST_ATTRIBUTE = 10_000
_LONGEST_NAME = Recipient._meta.get_field("name").max_length or 0
_LONGEST_LANGUAGE = Recipient._meta.get_field("language").max_length or 0


def guess_meaning(heading: str) -> str:
    """One of HEADINGS, or the name of an attribute; nothing for a column without a heading."""
    plain = heading.strip().lstrip("\ufeff").lower()
    squeezed = plain.replace(" ", "").replace("-", "").replace("_", "").replace(".", "")
    return next((meaning for meaning, words in HEADINGS.items() if squeezed in words), plain)


class Layout:
    """Which column of a file means what."""

    def __init__(self, meanings: Sequence[str]) -> None:
        """The meaning of each column; of two that mean the same, the first counts."""
        self._width = len(meanings)
        self._at = {meaning: meanings.index(meaning) for meaning in HEADINGS if meaning in meanings}
        taken = set(self._at.values())
        self._attributes = [
            (index, _attribute(meaning)) for index, meaning in enumerate(meanings) if index not in taken and meaning
        ]

    def normalise(self, rows: list[list[str]]) -> tuple[list[StagedRow], Faults]:
        """Rows of cells as rows for the staging table, and what is wrong with those that are left out."""
        faults: Faults = {}
        if set(map(len, rows)) != {self._width}:
            rows = [self._fit(cells, index, faults) for index, cells in enumerate(rows)]
        columns = list(zip(*rows, strict=True))
        staged = [
            _addresses(columns[self._at["email"]], faults),
            self._each(columns, "name", _name, faults),
            self._each(columns, "time_zone", _time_zone, faults),
            self._each(columns, "language", _language, faults),
            self._merge_attributes(columns, len(rows), faults),
        ]
        good = list(zip(*staged, strict=True))
        return ([row for index, row in enumerate(good) if index not in faults] if faults else good), faults

    def _fit(self, cells: list[str], index: int, faults: Faults) -> list[str]:
        """The row in the heading's width; cells that are too many may be empty."""
        if any(cells[self._width :]):
            faults[index] = f"{len(cells)} cells where the heading has {self._width}."
        return [*cells[: self._width], *[""] * (self._width - len(cells))]

    def _each(
        self, columns: list[tuple[str, ...]], meaning: str, convert: Callable[[str], str], faults: Faults
    ) -> Sequence[str]:
        index = self._at.get(meaning)
        return [""] * len(columns[0]) if index is None else _convert(columns[index], convert, faults)

    def _merge_attributes(self, columns: list[tuple[str, ...]], count: int, faults: Faults) -> list[str]:
        parts = [_convert(columns[index], convert, faults) for index, convert in self._attributes]
        if len(parts) == 1:
            return [f"{{{part}}}" for part in parts[0]]
        return [f"{{{', '.join(filter(None, row))}}}" for row in zip(*parts, strict=True)] if parts else ["{}"] * count


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
            addresses[index] = normalise_address(column[index])
        except ValidationError as error:
            faults.setdefault(index, " ".join(error.messages))
    return addresses


def _name(cell: str) -> str:
    return _within(cell.strip(), _LONGEST_NAME, "The name")


def _language(cell: str) -> str:
    return _within(cell.strip(), _LONGEST_LANGUAGE, "The language")


def _time_zone(cell: str) -> str:
    name = cell.strip()
    if name:
        validate_time_zone(name)
    return name


def _attribute(name: str) -> Callable[[str], str]:
    """A function from a cell to its part of the JSON object; an empty cell is none."""
    begin, what = f"{encode_basestring_ascii(name)}: ", f"{name[:50]!r}"

    def convert(cell: str) -> str:
        text = cell.strip()
        return begin + encode_basestring_ascii(_within(text, LONGEST_ATTRIBUTE, what)) if text else ""

    return convert


def _within(text: str, longest: int, what: str) -> str:
    if len(text) > longest:
        raise ValidationError(f"{what} has {len(text):,} characters, at most {longest:,} are kept.")
    return text
