"""What is given to the service, and what it answers, as frozen dataclasses."""

import types
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import datetime
from functools import cache
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

Read = TypeVar("Read")


@dataclass(frozen=True)
class NewItem:
    """Something new for a list's digests; the same `external_id` again changes the item."""

    title: str
    external_id: str | None = None
    summary: str = ""  #: Markdown
    url: str = ""
    image_url: str = ""
    category: str = ""
    published_at: datetime | None = None  #: not shown before; None: now
    recipient: str | None = None  #: for the person with this address alone


@dataclass(frozen=True)
class Membership:
    """A person on a list, or off it."""

    list: str  #: its slug
    subscribed: bool = True
    cadence: str | None = None  #: `daily` or `weekly`; None: as it is
    paused_until: datetime | None = None
    again: bool = False  #: also if they left the list: only if they asked you for it


@dataclass(frozen=True)
class NewRecipient:
    """A person by their address. What is None stays as it is."""

    email: str
    name: str | None = None
    time_zone: str | None = None
    language: str | None = None
    attributes: Mapping[str, Any] | None = None  #: takes the place of all that there were
    subscriptions: Sequence[Membership] = ()


@dataclass(frozen=True)
class Attachment:
    """A file that goes with a mail."""

    name: str
    content: bytes = field(repr=False)
    content_type: str = "application/octet-stream"


@dataclass(frozen=True)
class StoredItems:
    """What became of items that were written."""

    ids: list[int]  #: in the order in which they were given
    new: int
    changed: int


@dataclass(frozen=True)
class Item:
    """An item as it is stored."""

    id: int
    external_id: str | None
    title: str
    summary: str
    url: str
    image_url: str
    category: str
    published_at: datetime
    is_hidden: bool


@dataclass(frozen=True)
class MailingList:
    """A list."""

    slug: str
    name: str
    description: str
    time_zone: str
    language: str


@dataclass(frozen=True)
class WrittenRecipient:
    """What became of a person who was written; `left` are lists that they left before and were not put on again."""

    id: int
    email: str
    is_new: bool
    left: list[str]


@dataclass(frozen=True)
class Subscription:
    """How a person stands with a list."""

    list: str
    status: str  #: `pending`, `active` or `unsubscribed`
    cadence: str
    paused_until: datetime | None
    subscribed_at: datetime
    source: str


@dataclass(frozen=True)
class Recipient:
    """A person."""

    id: int
    email: str
    name: str
    time_zone: str
    language: str
    attributes: dict[str, Any]
    subscriptions: list[Subscription]


@dataclass(frozen=True)
class Notification:
    """A single mail that was taken, and what became of it."""

    id: int
    delivery: int
    template: str | None
    status: str
    reason: str
    send_at: datetime
    sent_at: datetime | None
    attempts: int
    smtp_code: int | None
    smtp_text: str
    attachments: list[str]


@dataclass(frozen=True)
class Mailing:
    """A mailing to a list, and what became of its mails in numbers."""

    id: int
    kind: str
    name: str
    list: str | None
    digest: str | None
    status: str
    reason: str
    scheduled_for: datetime
    time_zone: str
    started_at: datetime | None
    finished_at: datetime | None
    planned: int
    sent: int
    failed: int
    skipped: int
    bounced: int
    uncertain: int
    cancelled: int


@dataclass(frozen=True)
class Delivery:
    """One mail to one person; the address is None if they were erased."""

    id: int
    mailing: int
    email: str | None
    status: str
    reason: str
    attempts: int
    next_attempt_at: datetime | None
    sent_at: datetime | None
    smtp_code: int | None
    smtp_text: str


@dataclass(frozen=True)
class Suppression:
    """Why nothing goes to an address."""

    id: int
    email: str
    reason: str
    note: str
    expires_at: datetime | None
    created_at: datetime


@dataclass(frozen=True)
class Event:
    """Something that happened, as a webhook is told."""

    id: str
    type: str
    time: datetime
    data: dict[str, Any]


def read(kind: type[Read], said: Mapping[str, Any]) -> Read:
    """The dataclass from JSON; fields that it does not know are left out, so that the service may add some.

    Raises KeyError for a field that is missing.
    """
    wanted: Any = kind
    return kind(**{name: _value(hint, said[name]) for name, hint in _hints(wanted).items()})


def plain(value: Any) -> Any:
    """As JSON has it: without what is None, times with their offset. Raises ValueError for a time without one."""
    if is_dataclass(value) and not isinstance(value, type):
        named = {each.name: getattr(value, each.name) for each in fields(value)}
        return {name: plain(each) for name, each in named.items() if each is not None}
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone.")
        return value.isoformat()
    if isinstance(value, bytes):
        return b64encode(value).decode()
    if isinstance(value, Mapping):
        return {name: plain(each) for name, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, list | tuple) else value


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


def _value(hint: Any, said: Any) -> Any:
    if said is None:
        return None
    wanted = get_args(hint)[0] if isinstance(hint, types.UnionType) else hint
    if wanted is datetime:
        return datetime.fromisoformat(said)
    if get_origin(wanted) is list and isinstance(inner := get_args(wanted)[0], type) and is_dataclass(inner):
        return [read(inner, each) for each in said]
    return said
