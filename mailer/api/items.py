"""Items of a list's digests: given one or many at a time, and given again as often as the other program likes."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.http import HttpRequest
from django.utils import timezone
from ninja import Field, Path, Query, Router, Schema, Status
from pydantic import AfterValidator, StringConstraints

from mailer.api.access import Needs
from mailer.api.lists import list_of
from mailer.api.pages import Page, PageQuery, page_of
from mailer.api.problems import Problem, missing
from mailer.api.values import Address, Given, Line, Moment, Slug, Text, Title
from mailer.audience.items import NewItem, store_items
from mailer.models import DigestItem, Recipient, Scope

router = Router(tags=["items"], auth=Needs(Scope.ITEMS))
#: Items of one request.
MOST = 1_000


def _link(text: str) -> str:
    if text:
        try:
            URLValidator(["http", "https"])(text)
        except ValidationError as error:
            raise ValueError("Write an address that begins with https:// or http://.") from error
    return text


Link = Annotated[
    str,
    StringConstraints(max_length=800),
    AfterValidator(_link),
    Field(json_schema_extra={"pattern": r"^(https?://[a-z0-9]{1,50}(\.[a-z]{2,20}){1,2}(/[A-Za-z0-9._~/-]*)?)?$"}),
]


class ItemIn(Given):
    """Something new."""

    external_id: Annotated[Line, StringConstraints(min_length=1, max_length=200)] | None = Field(
        None, description="Your own id: the same one again changes the item, and adds none."
    )
    title: Annotated[Title, StringConstraints(max_length=300)]
    summary: Annotated[Text, StringConstraints(max_length=20_000)] = Field("", description="Markdown.")
    url: Link = ""
    image_url: Link = ""
    category: Annotated[Line, StringConstraints(max_length=100)] = ""
    published_at: Moment | None = Field(None, description="Not shown before; now if it is left out.")
    recipient: Address | None = Field(None, description="For this person alone, whom the service has to know.")


class ItemsIn(Given):
    """Items to be written: all of them, or none if one can't be used."""

    items: list[ItemIn] = Field(min_length=1, max_length=MOST)


class Stored(Schema):
    """What became of them."""

    ids: list[int] = Field(description="In the order in which they were given.")
    new: int
    changed: int


class ItemOut(Schema):
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


@router.post("/lists/{slug}/items", response=Stored, summary="Write items")
def write_items(request: HttpRequest, slug: Path[Slug], data: ItemsIn) -> dict[str, Any]:
    """Add items to the list's digests. One whose `external_id` is there already is changed, and not sent again."""
    mailing_list, now = list_of(slug), timezone.now()
    people = _people([entry.recipient for entry in data.items if entry.recipient])
    items = [_new(entry, number, people) for number, entry in enumerate(data.items)]
    stored = store_items(mailing_list, items, now)
    return {"ids": stored.ids, "new": stored.new, "changed": stored.changed}


@router.get("/lists/{slug}/items", response=Page[ItemOut], summary="Read items")
def read_items(request: HttpRequest, slug: Path[Slug], asked: Query[PageQuery]) -> dict[str, Any]:
    """The list's items, the newest first; those for one person alone too."""
    return page_of(DigestItem.objects.filter(list=list_of(slug)), asked, _shown)


@router.delete("/lists/{slug}/items/{path:external_id}", response={204: None}, summary="Take an item back")
def hide_item(
    request: HttpRequest, slug: Path[Slug], external_id: Path[Annotated[Line, StringConstraints(max_length=200)]]
) -> Status[None]:
    """Hide the item from digests to come; what was sent stays in the log."""
    found = DigestItem.objects.filter(list=list_of(slug), external_id=external_id)
    if not found.update(is_hidden=True, changed_at=timezone.now()):
        raise missing("such item on this list")
    return Status(204, None)


def _people(addresses: list[str]) -> dict[str, int]:
    return dict(Recipient.objects.filter(email__in=addresses).values_list("email", "pk"))


def _new(entry: ItemIn, number: int, people: dict[str, int]) -> NewItem:
    if entry.recipient is not None and entry.recipient not in people:
        where = {f"items.{number}.recipient": "Nobody here has this address; write the recipient first."}
        raise Problem(HTTPStatus.NOT_FOUND, "Somebody is not known here.", where)
    said = entry.model_dump(exclude={"recipient"})
    return NewItem(recipient_id=people[entry.recipient] if entry.recipient else None, **said)


def _shown(item: DigestItem) -> dict[str, Any]:
    return {name: getattr(item, name) for name in ItemOut.model_fields}
