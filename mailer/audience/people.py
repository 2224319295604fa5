"""People whom other programs bring: written as they are said to be, and never back onto a list that they left."""

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from mailer.audience.consent import Word, save_change
from mailer.audience.erasure import suppress_erased_among
from mailer.models import Recipient, RecipientList, Subscription

Status = Subscription.Status
#: What may be said of a person besides their address.
_FIELDS = ("name", "time_zone", "language", "attributes")


@dataclass(frozen=True)
class Membership:
    """What is said of a person and one list."""

    wanted: bool
    cadence: str | None = None  #: None: as it is
    paused_until: datetime | None = None
    again: bool = False  #: also if they left it by themselves, because they asked for it elsewhere


@dataclass(frozen=True)
class Profile:
    """A person by their address; what is not named stays as it is."""

    email: str
    named: Mapping[str, Any] = field(default_factory=dict)  #: name, time_zone, language, attributes
    memberships: Mapping[RecipientList, Membership] = field(default_factory=dict)


@dataclass(frozen=True)
class Written:
    """What became of a person."""

    recipient: Recipient
    is_new: bool
    left: tuple[str, ...] = ()  #: slugs of lists that they had left, and were not put on again


def write_people(profiles: Sequence[Profile], word: Word) -> list[Written]:
    """Write the people and their subscriptions, all or nothing; told in their order. Raises django's ValidationError.

    It takes a few statements for some hundred of them. Two who bring the same new person at once meet at the unique
    address; the second finds them there.
    """
    try:
        return _write(profiles, word)
    except IntegrityError:
        return _write(profiles, word)


def _write(profiles: Sequence[Profile], word: Word) -> list[Written]:
    written: list[Written] = []
    with transaction.atomic():
        for part in _without_repeats(profiles):
            new, people = _write_recipients(part)
            left = _write_memberships(part, people, word)
            written += [
                Written(people[each.email], each.email in new, tuple(left.get(each.email, ()))) for each in part
            ]
    return written


def _without_repeats(profiles: Sequence[Profile]) -> Iterator[list[Profile]]:
    """The profiles in parts, in each of which nobody is twice."""
    part: dict[str, Profile] = {}
    for profile in profiles:
        if profile.email in part:
            yield list(part.values())
            part = {}
        part[profile.email] = profile
    yield list(part.values())


def _write_recipients(profiles: list[Profile]) -> tuple[set[str], dict[str, Recipient]]:
    """The addresses of those who are new, and all by their address."""
    # In one order: two who write some of the same people could else wait for each other.
    found = Recipient.objects.select_for_update().filter(email__in=[each.email for each in profiles]).order_by("email")
    people = {recipient.email: recipient for recipient in found}
    new, changed = [], []
    for profile in sorted(profiles, key=lambda each: each.email):
        recipient = people.get(profile.email)
        if recipient is None:
            recipient = people[profile.email] = Recipient(email=profile.email)
            new.append(recipient)
        elif all(getattr(recipient, name) == value for name, value in profile.named.items()):
            continue
        else:
            changed.append(recipient)
        for name, value in profile.named.items():
            setattr(recipient, name, value)
        recipient.full_clean(validate_unique=False, validate_constraints=False)
    Recipient.objects.bulk_create(new)
    # Each of them is there and locked; `bulk_update` would take many times as long.
    Recipient.objects.bulk_create(
        changed, update_conflicts=True, unique_fields=["id"], update_fields=[*_FIELDS, "changed_at"]
    )
    arrived = {recipient.email for recipient in new}
    suppress_erased_among(arrived)
    return arrived, people


def _write_memberships(profiles: list[Profile], people: dict[str, Recipient], word: Word) -> dict[str, list[str]]:
    """By address the lists that somebody has left, and to which they were not brought back."""
    wishes = [(people[each.email], *wish) for each in profiles for wish in each.memberships.items()]
    lists, members = {mailing_list for _, mailing_list, _ in wishes}, {person for person, _, _ in wishes}
    there = Subscription.objects.select_for_update().filter(list__in=lists, recipient__in=members).order_by("pk")
    rows = {(row.list_id, row.recipient_id): row for row in there}
    left: dict[str, list[str]] = {}
    new = []
    for person, mailing_list, wish in wishes:
        row = rows.get((mailing_list.pk, person.pk))
        if row is not None:
            if not _change_membership(row, wish, word):
                left.setdefault(person.email, []).append(mailing_list.slug)
        elif wish.wanted:
            new.append(_new_membership(person, mailing_list, wish, word))
    Subscription.objects.bulk_create(new)
    return left


def _new_membership(person: Recipient, mailing_list: RecipientList, wish: Membership, word: Word) -> Subscription:
    return Subscription(
        list=mailing_list,
        recipient=person,
        cadence=wish.cadence or Subscription.Cadence.DAILY,
        paused_until=wish.paused_until,
        source=word.source[:100],
    )


def _change_membership(row: Subscription, wish: Membership, word: Word) -> bool:
    """Returns whether it is as was wished: whoever left stays away unless it says `again`."""
    before = copy(row)
    if wish.wanted and row.status == Status.UNSUBSCRIBED and not wish.again:
        return False
    if wish.wanted:
        row.status, row.unsubscribed_at = Status.ACTIVE, None
    elif row.status != Status.UNSUBSCRIBED:
        row.status, row.unsubscribed_at = Status.UNSUBSCRIBED, word.at
    row.cadence = wish.cadence or row.cadence
    row.paused_until = wish.paused_until
    save_change(before, row, word)
    return True
