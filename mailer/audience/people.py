"""People whom other programs bring: written as they are said to be, and never back onto a list that they left."""

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from mailer.audience.consent import Word, save_change
from mailer.models import Recipient, RecipientList, Subscription

Status = Subscription.Status


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


@dataclass(frozen=True)
class Written:
    """What became of a person."""

    recipient: Recipient
    is_new: bool
    left: tuple[str, ...] = ()  #: slugs of lists that they had left, and were not put on again


def write_person(profile: Profile, memberships: Mapping[RecipientList, Membership], word: Word) -> Written:
    """Write the person and their subscriptions, all or nothing. Raises django's ValidationError.

    Two who bring the same new person at once meet at the unique address; the second finds them there.
    """
    try:
        return _write(profile, memberships, word)
    except IntegrityError:
        return _write(profile, memberships, word)


def _write(profile: Profile, memberships: Mapping[RecipientList, Membership], word: Word) -> Written:
    with transaction.atomic():
        recipient = Recipient.objects.select_for_update().filter(email=profile.email).first()
        is_new = recipient is None
        if recipient is None:
            recipient = Recipient(email=profile.email)
        before = {name: getattr(recipient, name) for name in profile.named}
        for name, value in profile.named.items():
            setattr(recipient, name, value)
        if is_new or before != dict(profile.named):
            recipient.full_clean(validate_unique=False, validate_constraints=False)
            recipient.save()
        left = [
            mailing_list.slug
            for mailing_list, wish in memberships.items()
            if not _write_membership(recipient, mailing_list, wish, word)
        ]
    return Written(recipient, is_new, tuple(left))


def _write_membership(recipient: Recipient, mailing_list: RecipientList, wish: Membership, word: Word) -> bool:
    """Returns whether it is as was wished: whoever left stays away unless it says `again`."""
    row = Subscription.objects.select_for_update().filter(list=mailing_list, recipient=recipient).first()
    if row is None:
        if wish.wanted:
            Subscription.objects.create(
                list=mailing_list,
                recipient=recipient,
                cadence=wish.cadence or Subscription.Cadence.DAILY,
                paused_until=wish.paused_until,
                source=word.source[:100],
            )
        return True
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
