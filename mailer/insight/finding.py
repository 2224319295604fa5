"""One box to find a person: what was typed may be an address, in any spelling, or only its beginning."""

from dataclasses import dataclass, field
from datetime import datetime
from difflib import SequenceMatcher

from django.db.models import Value

from mailer.insight.people import beginning_with
from mailer.models import Erasure, InvalidAddress, Recipient, Suppression, normalise_address

#: How many people are named who may be meant.
MOST_SHOWN = 20
_NEAR, _NEIGHBOURS = 0.8, 10


@dataclass(frozen=True)
class Found:
    """What is known of what was typed."""

    typed: str
    address: str = ""  #: in its normal form; empty if it is not a whole address
    person: Recipient | None = None
    begin_so: list[Recipient] = field(default_factory=list)
    near: list[Recipient] = field(default_factory=list)  #: who may be meant, if nobody has the address
    suppression: Suppression | None = None  #: of an address that nobody has
    erasure: Erasure | None = None  #: if somebody who had the address was erased


def find_person(typed: str, now: datetime, guess: bool = False) -> Found:
    """Who has the address; if nobody has, what is known of it, and with `guess` who begins so or is nearly the same.

    Who sees no addresses is to guess none: they could be found out that way, letter by letter.
    """
    text = typed.strip().strip("<>").lower()
    try:
        address = normalise_address(text)
    except InvalidAddress:
        return Found(typed, begin_so=_beginning(text) if guess and text else [])
    person = Recipient.objects.filter(email=address).first()
    if person is not None:
        return Found(typed, address, person)
    return Found(
        typed,
        address,
        begin_so=_beginning(address) if guess else [],
        near=_near(address) if guess else [],
        suppression=Suppression.objects.effective(now).filter(email=address).first(),
        erasure=erasure_of(address),
    )


def erasure_of(address: str) -> Erasure | None:
    """The last erasure of somebody with this address that nobody has lifted."""
    return Erasure.objects.effective().of(address).first()


def _beginning(text: str) -> list[Recipient]:
    return list(beginning_with(Recipient.objects.order_by("email"), text)[:MOST_SHOWN])


def _near(address: str) -> list[Recipient]:
    """Those with nearly this address: its neighbours in the alphabet, and the same name at other domains."""
    local = address.partition("@")[0]
    people = Recipient.objects.all()
    candidates = {
        *people.filter(email__lt=Value(address)).order_by("-email")[:_NEIGHBOURS],
        *people.filter(email__gt=Value(address)).order_by("email")[:_NEIGHBOURS],
        *beginning_with(people.order_by("email"), f"{local}@")[:_NEIGHBOURS],
    }
    likeness = {person: SequenceMatcher(None, address, person.email).ratio() for person in candidates}
    alike = [person for person in candidates if likeness[person] >= _NEAR]
    return sorted(alike, key=lambda person: (-likeness[person], person.email))[:5]
