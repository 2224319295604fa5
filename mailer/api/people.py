"""Recipients and what they subscribe to: written by address, one or many, and read."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any

from django.http import HttpRequest
from django.utils import timezone
from ninja import Field, Path, Router, Schema
from pydantic import StringConstraints

from mailer.api.access import Needs, key_of
from mailer.api.problems import Problem, missing
from mailer.api.values import Address, Data, Given, Language, Line, Moment, Slug, Zone
from mailer.audience.consent import Word
from mailer.audience.people import Membership, Profile, Written, write_people
from mailer.models import Recipient, RecipientList, Scope, Subscription

router = Router(tags=["recipients"], auth=Needs(Scope.PEOPLE))
#: People of one request, and lists of one person.
MOST, MOST_LISTS = 1_000, 100


class SubscriptionIn(Given):
    """A person on a list, or off it."""

    list: Slug
    subscribed: bool = True
    cadence: Subscription.Cadence | None = Field(None, description="As it is if left out.")
    paused_until: Moment | None = None
    again: bool = Field(False, description="Also if they left the list: only if they asked you for it.")


class RecipientIn(Given):
    """A person by their address. What is left out stays as it is."""

    email: Address
    name: Annotated[Line, StringConstraints(max_length=200)] | None = None
    time_zone: Zone | None = None
    language: Annotated[Language, StringConstraints(max_length=20)] | None = None
    attributes: Data | None = Field(None, description="Takes the place of all that there were.")
    subscriptions: list[SubscriptionIn] = Field([], max_length=MOST_LISTS)


class RecipientsIn(Given):
    """People to be written: all of them, or none if one can't be."""

    recipients: list[RecipientIn] = Field(min_length=1, max_length=MOST)


class SubscriptionOut(Schema):
    """How a person stands with a list."""

    list: str
    status: str
    cadence: str
    paused_until: datetime | None
    subscribed_at: datetime
    source: str


class RecipientOut(Schema):
    """A person."""

    id: int
    email: str
    name: str
    time_zone: str
    language: str
    attributes: dict[str, Any]
    subscriptions: list[SubscriptionOut]


class WrittenOut(Schema):
    """What became of a person."""

    id: int
    email: str
    is_new: bool
    left: list[str] = Field(description="Lists that they left before, and were not put on again.")


class AllWritten(Schema):
    """In the order in which they were given."""

    recipients: list[WrittenOut]


@router.post("/recipients", response=AllWritten, summary="Write recipients")
def write_recipients(request: HttpRequest, data: RecipientsIn) -> dict[str, Any]:
    """Add people, or change what is named of them, and their subscriptions. Nobody who left is put back on a list."""
    word = Word(f"the API ({key_of(request).name})", timezone.now())
    lists = _lists(data.recipients)
    written = write_people([_profile(entry, lists) for entry in data.recipients], word)
    return {"recipients": [_told(each) for each in written]}


@router.get("/recipients/{email}", response=RecipientOut, summary="Read a recipient")
def read_recipient(request: HttpRequest, email: Path[Address]) -> dict[str, Any]:
    """What is known of the person, and of their subscriptions."""
    recipient = recipient_of(email)
    rows = Subscription.objects.filter(recipient=recipient).select_related("list").order_by("list__slug")
    subscriptions = [
        {name: getattr(row, name) for name in SubscriptionOut.model_fields if name != "list"} | {"list": row.list.slug}
        for row in rows
    ]
    own = {name: getattr(recipient, name) for name in RecipientOut.model_fields if name != "subscriptions"}
    return own | {"subscriptions": subscriptions}


def recipient_of(email: str) -> Recipient:
    """The recipient with this address. Raises Problem."""
    found = Recipient.objects.filter(email=email).first()
    if found is None:
        raise missing("recipient with this address")
    return found


def _lists(entries: list[RecipientIn]) -> dict[str, RecipientList]:
    slugs = {wish.list for entry in entries for wish in entry.subscriptions}
    found = {each.slug: each for each in RecipientList.objects.filter(slug__in=slugs)}
    faults = {
        f"recipients.{number}.subscriptions.{place}.list": f"There is no list {wish.list!r}."
        for number, entry in enumerate(entries)
        for place, wish in enumerate(entry.subscriptions)
        if wish.list not in found
    }
    if faults:
        raise Problem(HTTPStatus.NOT_FOUND, "There is no such list.", faults)
    return found


def _profile(entry: RecipientIn, lists: dict[str, RecipientList]) -> Profile:
    named = entry.model_dump(include={"name", "time_zone", "language", "attributes"}, exclude_none=True)
    memberships = {
        lists[wish.list]: Membership(wish.subscribed, wish.cadence, wish.paused_until, wish.again)
        for wish in entry.subscriptions
    }
    return Profile(entry.email, named, memberships)


def _told(written: Written) -> dict[str, Any]:
    recipient = written.recipient
    return {"id": recipient.pk, "email": recipient.email, "is_new": written.is_new, "left": list(written.left)}
