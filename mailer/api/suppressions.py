"""Addresses that get no mail: read, added and lifted by other programs."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any

from django.http import HttpRequest
from django.utils import timezone
from ninja import Field, Path, Query, Router, Schema, Status
from pydantic import StringConstraints

from mailer.api.access import Needs, key_of
from mailer.api.pages import Page, PageQuery, page_of
from mailer.api.problems import Problem, missing
from mailer.api.values import Address, Given, Line, Moment
from mailer.audience.suppressions import lift_suppression, suppress
from mailer.models import Scope, Suppression

router = Router(tags=["suppressions"], auth=Needs(Scope.SUPPRESSIONS))
Note = Annotated[Line, StringConstraints(max_length=300)]


class SuppressionIn(Given):
    """Nothing goes to this address any more."""

    email: Address
    note: Note = ""
    expires_at: Moment | None = Field(None, description="Never if it is left out.")


class Lift(Given):
    """Mail goes to the address again."""

    note: Annotated[Line, StringConstraints(min_length=1, max_length=300)] = Field(description="Why.")


class SuppressionOut(Schema):
    """A suppression that holds."""

    id: int
    email: str
    reason: str
    note: str
    expires_at: datetime | None
    created_at: datetime


@router.get("/suppressions", response=Page[SuppressionOut], summary="Read suppressions")
def read_suppressions(request: HttpRequest, asked: Query[PageQuery]) -> dict[str, Any]:
    """Those that hold now, the newest first."""
    return page_of(Suppression.objects.effective(timezone.now()), asked, _shown)


@router.get("/suppressions/{email}", response=SuppressionOut, summary="Read an address's suppression")
def read_suppression(request: HttpRequest, email: Path[Address]) -> dict[str, Any]:
    """Why nothing goes to the address; 404 if mail does."""
    return _shown(_held(email))


@router.post("/suppressions", response=SuppressionOut, summary="Suppress an address")
def add_suppression(request: HttpRequest, data: SuppressionIn) -> dict[str, Any]:
    """See to it that nothing goes to the address. One that holds for as long already is answered instead."""
    if data.expires_at is not None and data.expires_at <= timezone.now():
        raise Problem(HTTPStatus.CONFLICT, "That is past already.", {"expires_at": "This is past."})
    note = data.note or f"by the API ({key_of(request).name})"
    wanted = Suppression(email=data.email, reason=Suppression.Reason.MANUAL, note=note, expires_at=data.expires_at)
    return _shown(suppress(wanted, timezone.now()))


@router.delete("/suppressions/{email}", response={204: None}, summary="Lift an address's suppression")
def lift(request: HttpRequest, email: Path[Address], data: Lift) -> Status[None]:
    """Let mail go to the address again; why stays on record."""
    lift_suppression(_held(email), f"{data.note} (the API, {key_of(request).name})", None, timezone.now())
    return Status(204, None)


def _held(email: str) -> Suppression:
    found = Suppression.objects.effective(timezone.now()).filter(email=email).first()
    if found is None:
        raise missing("suppression of this address")
    return found


def _shown(suppression: Suppression) -> dict[str, Any]:
    return {name: getattr(suppression, name) for name in SuppressionOut.model_fields}
