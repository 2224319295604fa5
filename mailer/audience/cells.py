"""What one cell of a file becomes, and how a value is written into one; a ValidationError says what is wrong."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from json.encoder import encode_basestring_ascii
from typing import Any

from django.core.exceptions import ValidationError

from mailer.models import Recipient, Subscription, validate_time_zone

#: Characters of one attribute, and of the cell that holds several as JSON.
LONGEST_ATTRIBUTE, LONGEST_JSON = 10_000, 100_000
# A spreadsheet takes what begins so for a formula (OWASP, "CSV injection"); an apostrophe makes it text.
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_SHELTERED = re.compile(r"'+[=+\-@\t\r]")


def sheltered(text: str) -> str:
    """The text for a cell, with an apostrophe before what a spreadsheet would take for a formula."""
    return f"'{text}" if _FORMULA.match(text) else text


def cleaned(cell: str) -> str:
    """The cell's text, trimmed, and without exactly the apostrophe that `sheltered` puts before it."""
    text = cell.strip()
    return text[1:] if text[:1] == "'" and _SHELTERED.match(text) else text


def name(cell: str) -> str:
    """A person's name."""
    return _within(cleaned(cell), _longest(Recipient, "name"), "The name")


def language(cell: str) -> str:
    """A language's code."""
    return _within(cleaned(cell), _longest(Recipient, "language"), "The language")


def time_zone(cell: str) -> str:
    """The name of a time zone."""
    text = cleaned(cell)
    if text:
        validate_time_zone(text)
    return text


def attribute(key: str) -> Callable[[str], str]:
    """A function from a cell to its part of the JSON object of attributes; an empty cell has none."""
    begin, what = f"{encode_basestring_ascii(key)}: ", repr(key[:50])

    def convert(cell: str) -> str:
        text = _within(cleaned(cell), LONGEST_ATTRIBUTE, what)
        return begin + encode_basestring_ascii(text) if text else ""

    return convert


def attributes(cell: str) -> str:
    """The inside of a JSON object, in the one form in which it is stored."""
    text = _within(cleaned(cell), LONGEST_JSON, "The JSON")
    try:
        found = json.loads(text or "{}")
        # What PostgreSQL's jsonb does not take: NaN, infinity, half a character, NUL.
        plain = json.dumps(found, allow_nan=False, ensure_ascii=False)
        plain.encode()
    except (ValueError, RecursionError) as error:
        raise ValidationError("The attributes are not JSON that can be stored.") from error
    if not isinstance(found, dict) or "\\u0000" in plain:
        raise ValidationError("The attributes are not a JSON object that can be stored.")
    return json.dumps(found)[1:-1]


def membership(field: str) -> Callable[[str], str]:
    """A function from a cell to its part of the JSON object of what is said of the subscription."""
    kind: Any = Subscription._meta.get_field(field)
    begin = f'"{field}": '
    choices = {value for value, _ in kind.flatchoices}

    def convert(cell: str) -> str:
        text = cleaned(cell)
        if not text:
            return ""
        if choices and text.lower() not in choices:
            raise ValidationError(f"{field} is {text[:50]!r}; known are {', '.join(sorted(choices))}.")
        if kind.get_internal_type() == "DateTimeField":
            text = _moment(text, field)
        return begin + encode_basestring_ascii(text.lower() if choices else text[: kind.max_length])

    return convert


def moment_of(written: str) -> datetime:
    """A moment as ISO 8601 has it, in UTC, which it is in if it names no zone. Raises ValueError and OverflowError."""
    moment = datetime.fromisoformat(written)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


def _moment(text: str, field: str) -> str:
    """A moment in UTC as SQLite stores it, and as PostgreSQL reads a `timestamp`."""
    try:
        return str(moment_of(text).replace(tzinfo=None))
    except (ValueError, OverflowError) as error:
        raise ValidationError(f"{field} is {text[:50]!r}, which is no moment such as 2026-11-23 15:00Z.") from error


def _longest(model: Any, field: str) -> int:
    return int(model._meta.get_field(field).max_length)


def _within(text: str, longest: int, what: str) -> str:
    if len(text) > longest:
        raise ValidationError(f"{what} has {len(text):,} characters, at most {longest:,} are kept.")
    return text
