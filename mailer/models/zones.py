"""Time zones by their IANA names."""

from functools import cache
from typing import Any
from zoneinfo import available_timezones

from django.core.exceptions import ValidationError
from django.db import models


@cache
def known_time_zones() -> frozenset[str]:
    """All names of the IANA database that this machine knows, with `/` or UTC; no `posix/` twins, no `Factory`."""
    names = available_timezones()
    return frozenset(name for name in names if not name.startswith(("posix/", "right/")) and name != "Factory")


def validate_time_zone(name: str) -> None:
    """Raise ValidationError unless the name is an IANA time zone."""
    if name not in known_time_zones():
        raise ValidationError(f"{name!r} is not a time zone; write it as in 'Europe/Berlin' or 'UTC'.")


class TimeZoneField(models.CharField):  # type: ignore[type-arg]
    """The IANA name of a time zone."""

    default_validators = [validate_time_zone]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Same arguments as CharField; the length is fixed."""
        super().__init__(*args, **{**kwargs, "max_length": 64})
