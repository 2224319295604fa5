"""Finding one person among millions: by address, and from there their mails, suppression and lists."""

from datetime import datetime
from typing import TypeVar

from django.db.models import Count, QuerySet, Value

from mailer.models import (
    Delivery,
    InvalidAddress,
    LiftedSuppression,
    Recipient,
    RecipientList,
    Subscription,
    Suppression,
    normalise_address,
)

Addressed = TypeVar("Addressed", Recipient, Suppression, LiftedSuppression)

#: The good news first.
STATES = (Subscription.Status.ACTIVE, Subscription.Status.PENDING, Subscription.Status.UNSUBSCRIBED)
#: How many of a person's mails are found.
MOST_MAILS = 1_000


def find_recipient(text: str) -> Recipient | None:
    """The recipient with this address in any spelling, or None."""
    try:
        address = normalise_address(text)
    except InvalidAddress:
        return None
    return Recipient.objects.filter(email=address).first()


def ids_of_mails_to(recipient: Recipient, since: datetime | None = None) -> list[int]:
    """The ids of the person's deliveries (due from `since` on), newest first, at most MOST_MAILS."""
    return sorted(Delivery.objects.to(recipient, since).values_list("pk", flat=True), reverse=True)[:MOST_MAILS]


def suppression_of(recipient: Recipient, now: datetime) -> Suppression | None:
    """Why nothing goes to the person's address, if so."""
    return Suppression.objects.effective(now).filter(email=recipient.email).first()


def subscribers_by_state(mailing_list: RecipientList) -> list[tuple[str, str, int]]:
    """How many stand where with the list: (state, its label, count), the good news first, also those with none."""
    counted = dict(
        Subscription.objects.filter(list=mailing_list)
        .order_by()
        .values_list("status")
        .annotate(count=Count("pk"))
        .values_list("status", "count")
    )
    return [(state.value, str(state.label), counted.get(state.value, 0)) for state in STATES]


def with_address(rows: QuerySet[Addressed], text: str, whole: bool = False) -> QuerySet[Addressed]:
    """Recipients or suppressions whose address is the text, or unless it must be `whole` begins with it.

    Both by the unique index. Who sees no addresses could find them out by their beginnings, letter by letter.
    """
    try:
        return rows.filter(email=normalise_address(text))
    except InvalidAddress:
        return rows.none() if whole else beginning_with(rows, text.strip().lower())


def beginning_with(rows: QuerySet[Addressed], beginning: str) -> QuerySet[Addressed]:
    """Those whose address begins with the text, which is in lower case; by the unique index, in the order of bytes.

    Not LIKE, for which SQLite walks through the whole table. Addresses are ASCII: nothing in one sorts behind DEL.
    """
    return rows.filter(email__gte=Value(beginning), email__lt=Value(f"{beginning}\x7f"))
