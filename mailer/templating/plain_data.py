"""Contexts as JSON and back: samples and test mails are stored, and JSON knows neither dates nor times."""

import re
from datetime import date, datetime
from typing import Any

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_DATETIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2})?(Z|[+-]\d{2}:\d{2})?")


def hydrate(value: Any) -> Any:
    """A sample from JSON with its ISO dates and times as date and datetime, as a real context has them."""
    if isinstance(value, dict):
        return {name: hydrate(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [hydrate(inner) for inner in value]
    if isinstance(value, str) and _DATE.fullmatch(value):
        return date.fromisoformat(value)
    if isinstance(value, str) and _DATETIME.fullmatch(value):
        return datetime.fromisoformat(value)
    return value


def dehydrate(value: Any) -> Any:
    """A context as JSON holds it: its dates and times as ISO text, to the second."""
    if isinstance(value, dict):
        return {name: dehydrate(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [dehydrate(inner) for inner in value]
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    return value.isoformat() if isinstance(value, date) else value
