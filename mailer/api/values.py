"""What the API takes and gives in several places: addresses, names, times."""

import re
from datetime import datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints

from mailer.models import normalise_address, validate_time_zone

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x85\u2028\u2029\ud800-\udfff]")
_LANGUAGE = r"^[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,2}$"


def _address(text: str) -> str:
    try:
        return normalise_address(text)
    except ValidationError as error:
        raise ValueError(" ".join(error.messages)) from error


def _zone(name: str) -> str:
    try:
        validate_time_zone(name)
    except ValidationError as error:
        raise ValueError(" ".join(error.messages)) from error
    return name


def _plain(text: str) -> str:
    if _CONTROL.search(text):
        raise ValueError("This has a control character in it.")
    return text


def _storable(moment: datetime) -> datetime:
    """Within what the database and every time zone can hold."""
    if not 1970 <= moment.year <= 2200:
        raise ValueError("Write a time between 1970 and 2200.")
    return moment.astimezone(ZoneInfo("UTC"))


def _plain_data(value: dict[str, Any]) -> dict[str, Any]:
    if len(str(value)) > MOST_DATA:
        raise ValueError(f"This has more than {MOST_DATA:,} characters.")
    _check_texts(value, 0)
    return value


def _check_texts(value: Any, depth: int) -> None:
    if depth > _DEEPEST:
        raise ValueError(f"This is nested more than {_DEEPEST} deep.")
    if isinstance(value, str):
        _plain(value)
    elif isinstance(value, dict):
        for name, inner in value.items():
            _plain(name)
            _check_texts(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            _check_texts(inner, depth + 1)


#: Characters of a person's attributes or a mail's context.
MOST_DATA = 60_000
_DEEPEST = 10

Address = Annotated[
    str,
    StringConstraints(max_length=320),
    AfterValidator(_address),
    Field(examples=["ada@example.org"], json_schema_extra={"format": "email"}),
]
Line = Annotated[str, AfterValidator(_plain)]
Zone = Annotated[str, StringConstraints(max_length=60), AfterValidator(_zone), Field(examples=["Europe/Berlin"])]
Language = Annotated[str, StringConstraints(pattern=_LANGUAGE), Field(examples=["de", "pt-br"])]
Moment = Annotated[AwareDatetime, AfterValidator(_storable), Field(examples=["2026-11-23T15:00:00+01:00"])]
Data = Annotated[dict[str, Any], AfterValidator(_plain_data)]
Slug = Annotated[str, StringConstraints(pattern=r"^[-a-zA-Z0-9_]{1,50}$")]
