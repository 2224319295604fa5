"""The register of sources: functions of other apps that give digests their items, and what such an item is."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator

from mailer.audience.items import is_text
from mailer.models import Digest

#: What a source is: it gets the digest, since when it is asked, and the time; it gives items, best as a generator.
Source = Callable[[Digest, datetime, datetime], "Iterable[Item]"]

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,49}")
_LONGEST = {"title": 300, "external_id": 120, "summary": 100_000, "url": 800, "image_url": 800, "category": 100}
_registered: dict[str, Source] = {}


class UnknownSource(LookupError):
    """No app registers a source of this name."""


@dataclass(frozen=True)
class Item:
    """Something new that a source gives. Raises ValueError, which says what is wrong, when it is made."""

    title: str
    external_id: str | int  #: the source's own id of it; the same one later changes the item
    summary: str = ""  #: Markdown
    url: str = ""
    image_url: str = ""
    category: str = ""
    published_at: datetime | None = None  #: aware; None: when it is first given
    recipient: str | None = None  #: the address of the one whom it is for; None: everybody on the list

    def __post_init__(self) -> None:
        if not str(self.title).strip() or not str(self.external_id).strip():
            raise ValueError("An item needs a title and an external_id.")
        for name, longest in _LONGEST.items():
            _check_text(name, getattr(self, name), longest)
        for name in ("url", "image_url"):
            _check_link(name, getattr(self, name))
        if self.published_at is not None and self.published_at.tzinfo is None:
            raise ValueError("An item's published_at needs a time zone.")


def digest_source(name: str) -> Callable[[Source], Source]:
    """Decorator: register the function as the source of this name, which digests can then choose.

    It is called as `source(digest, since, now)`. Raises ValueError for a name that is taken, or is none: lower-case
    letters, digits, `-` and `_`, at most 50.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a source: lower-case letters, digits, - and _, at most 50.")

    def register(source: Source) -> Source:
        taken = _registered.get(name)
        if taken is not None and _where(taken) != _where(source):
            raise ValueError(f"The source {name!r} is registered twice: by {_where(taken)} and by {_where(source)}.")
        _registered[name] = source
        return source

    return register


def source_names() -> list[str]:
    """The names of all that are registered, in order."""
    return sorted(_registered)


def find_source(name: str) -> Source:
    """The source of this name. Raises UnknownSource."""
    if name not in _registered:
        raise UnknownSource("No app registers a source of this name.")
    return _registered[name]


def _where(source: Source) -> str:
    return f"{source.__module__}.{getattr(source, '__qualname__', type(source).__qualname__)}"


def _check_text(name: str, text: object, longest: int) -> None:
    """What the database would refuse is refused here, where it is known whose it is."""
    if not isinstance(text, str) and not (name == "external_id" and isinstance(text, int)):
        raise ValueError(f"An item's {name} is a text, not {type(text).__name__}.")
    written = str(text)
    if len(written) > longest:
        raise ValueError(f"An item's {name} has at most {longest} characters.")
    if not is_text(written):
        raise ValueError(f"An item's {name} holds what is no text.")


def _check_link(name: str, link: str) -> None:
    try:
        if link:
            URLValidator(["http", "https"])(link)
    except ValidationError as error:
        raise ValueError(f"An item's {name} is no http or https address.") from error
