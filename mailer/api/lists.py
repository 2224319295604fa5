"""The mailing lists that there are, for programs that write to them."""

from typing import Any

from django.http import HttpRequest
from ninja import Router, Schema

from mailer.api.access import Needs
from mailer.api.problems import missing
from mailer.models import RecipientList, Scope

router = Router(tags=["lists"], auth=Needs(Scope.ITEMS))


class ListOut(Schema):
    """A list."""

    slug: str
    name: str
    description: str
    time_zone: str
    language: str


@router.get("/lists", response=list[ListOut], summary="Read the lists")
def read_lists(request: HttpRequest) -> Any:
    """All lists, by name."""
    return RecipientList.objects.all()[:1000]


def list_of(slug: str) -> RecipientList:
    """The list of this slug. Raises Problem."""
    found = RecipientList.objects.filter(slug=slug).first()
    if found is None:
        raise missing(f"list {slug!r}")
    return found
