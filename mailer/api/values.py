"""What the API takes in several places: addresses, texts, times. The schema says each as exactly as it can."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from django.core.exceptions import ValidationError
from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from typing_extensions import TypeAliasType

from mailer.models import normalise_address, validate_time_zone
from mailer.models.zones import known_time_zones

#: Characters of a person's attributes or a mail's context.
MOST_DATA = 60_000
_DEEPEST = 10
_OLDEST, _LATEST = 1970, 2200
#: No text of ours holds these; a line holds no line end either.
_NOT_IN_TEXT = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x85\u2028\u2029"
_NOT_IN_LINE = rf"\t\n\r{_NOT_IN_TEXT}"
# What the documents say of an address is what nobody doubts; more than that is taken.
_PLAIN_ADDRESS = r"^[A-Za-z0-9_+-]{1,30}@([A-Za-z0-9]{1,30}\.){1,2}(com|org|net|eu|example)$"


def _no(characters: str) -> AfterValidator:
    found = re.compile(rf"[{characters}\ud800-\udfff]")

    def check(text: str) -> str:
        if found.search(text):
            raise ValueError("This has a control character in it.")
        return text

    return AfterValidator(check)


def _says(**schema: Any) -> Any:
    return Field(json_schema_extra=schema)


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


def _written(moment: Any) -> Any:
    """A number of seconds would be taken, too, and nobody could say of which kind."""
    if not isinstance(moment, str | datetime):
        raise ValueError("Write a time as in 2026-11-23T15:00:00+01:00.")
    return moment


def _storable(moment: datetime) -> datetime:
    """Within what the database and every time zone can hold."""
    if not _OLDEST <= moment.year <= _LATEST:
        raise ValueError(f"Write a time between {_OLDEST} and {_LATEST}.")
    return moment.astimezone(UTC)


def _small(value: dict[str, Any]) -> dict[str, Any]:
    if _depth(value) > _DEEPEST:
        raise ValueError(f"This is nested more than {_DEEPEST} deep.")
    if len(str(value)) > MOST_DATA:
        raise ValueError(f"This has more than {MOST_DATA:,} characters.")
    return value


def _depth(value: Any) -> int:
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return 1 + max(map(_depth, inner), default=0)


class Given(BaseModel):
    """What a program gives: an object with these fields and no others, so that a slip in a name is not lost."""

    model_config = ConfigDict(extra="forbid")


Line = Annotated[str, _no(_NOT_IN_LINE), _says(pattern=f"^[^{_NOT_IN_LINE}]*$")]
#: As in a mail's Content-Type (RFC 2045 section 5.1), without what would be a mail in the mail.
ContentType = Annotated[
    str,
    StringConstraints(max_length=127),
    _no(_NOT_IN_LINE),
    _says(
        pattern="^(?!(?:multipart|message)/)[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,62}/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,62}$"
    ),
]
#: Of a file that goes with a mail, which says the same of its name.
FileName = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200),
    _no(_NOT_IN_LINE),
    _says(pattern=r"^[^/\\\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]*$"),
]
#: With at least one letter.
Title = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1),
    _no(_NOT_IN_LINE),
    _says(pattern=rf"^[^\s{_NOT_IN_LINE}]([^{_NOT_IN_LINE}]*[^\s{_NOT_IN_LINE}])?$"),
]
Text = Annotated[str, _no(_NOT_IN_TEXT), _says(pattern=f"^[^{_NOT_IN_TEXT}]*$")]
Address = Annotated[
    str,
    StringConstraints(max_length=320),
    AfterValidator(_address),
    _says(format="email", pattern=_PLAIN_ADDRESS, examples=["ada@example.org"]),
]
Zone = Annotated[str, AfterValidator(_zone), _says(enum=sorted(known_time_zones()))]
Language = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,1}$"), _says(examples=["de", "pt-br"])
]
Moment = Annotated[
    AwareDatetime,
    BeforeValidator(_written),
    AfterValidator(_storable),
    _says(
        examples=["2026-11-23T15:00:00+01:00"], format="date-time", pattern=r"^(19[7-9][0-9]|20[0-9]{2}|21[0-9]{2})-"
    ),
]
_NAMES = _says(propertyNames={"pattern": f"^[^{_NOT_IN_TEXT}]*$"})
Plain = TypeAliasType("Plain", "Text | bool | int | float | list[Plain] | Annotated[dict[Text, Plain], _NAMES] | None")
Data = Annotated[dict[Text, Plain], AfterValidator(_small), _NAMES]
Slug = Annotated[str, StringConstraints(pattern=r"^[-a-zA-Z0-9_]{1,50}$")]
Id = Annotated[int, Field(ge=1, le=2**63 - 1)]
