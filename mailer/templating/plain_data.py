"""Contexts as JSON and back: samples and test mails are stored, and JSON knows neither dates nor times."""

import json
import re
from datetime import date, datetime
from typing import Any

from mailer.templating.parser import TemplateError

MAX_SAMPLE, MAX_NESTING, MAX_NUMBER = 100_000, 20, 10**18
#: Halves of characters, which can be in JSON and in no file.
_SURROGATE = re.compile("[\ud800-\udfff]")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_DATETIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2})?(Z|[+-]\d{2}:\d{2})?")


def read_sample(text: str) -> Any:
    """A sample as it is typed. Raises TemplateError."""
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise TemplateError(f"This is not JSON: line {error.lineno}: {error.msg}.") from error
    except (ValueError, RecursionError) as error:
        raise TemplateError("The sample nests too deeply or has a number that is too long.") from error


def check_sample(sample: dict[str, Any]) -> None:
    """Raise TemplateError for a sample that is too large, or that a database can't keep."""
    if _size(sample, MAX_NESTING) > MAX_SAMPLE:
        raise TemplateError(f"The sample has more than {MAX_SAMPLE // 1000} KB.")


def _size(value: Any, depth: int) -> int:
    if depth < 0:
        raise TemplateError(f"The sample nests more than {MAX_NESTING} deep.")
    if isinstance(value, dict):
        return 1 + sum(_size(name, depth) + _size(inner, depth - 1) for name, inner in value.items())
    if isinstance(value, list):
        return 1 + sum(_size(inner, depth - 1) for inner in value)
    if isinstance(value, str) and ("\x00" in value or _SURROGATE.search(value)):
        raise TemplateError("The sample has a character that no mail can have: NUL or half of one (a surrogate).")
    if isinstance(value, int | float) and not abs(value) <= MAX_NUMBER:
        raise TemplateError("The sample has a number of more than 18 digits, or none that is a number.")
    return len(value) if isinstance(value, str) else 8


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)


def hydrate(value: Any) -> Any:
    """A sample from JSON with its ISO dates and times as date and datetime, as a real context has them."""
    if isinstance(value, dict):
        return {name: hydrate(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [hydrate(inner) for inner in value]
    return _moment(value) if isinstance(value, str) else value


def _moment(text: str) -> Any:
    """The date or time that the text is; the text itself if it is none, such as the 30th of February."""
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text)
        if _DATETIME.fullmatch(text):
            return datetime.fromisoformat(text)
    except ValueError:
        return text
    return text


def dehydrate(value: Any) -> Any:
    """A context as JSON holds it: its dates and times as ISO text, to the second."""
    if isinstance(value, dict):
        return {name: dehydrate(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [dehydrate(inner) for inner in value]
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    return value.isoformat() if isinstance(value, date) else value
