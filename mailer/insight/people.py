"""Finding one person among millions: by address, and from there their mails, suppression and lists."""

from datetime import datetime
from typing import TypeVar

from django.db.models import Count, QuerySet

from mailer.models import (
    Delivery,
    InvalidAddress,
    Mailing,
    Recipient,
    RecipientList,
    Subscription,
    Suppression,
    normalise_address,
)
from mailer.models.deliveries import NAMED

Addressed = TypeVar("Addressed", Recipient, Suppression)

#: How many of a person's mails are found.
MOST_MAILS = 1_000


def find_recipient(text: str) -> Recipient | None:
    """The recipient with this address in any spelling, or None."""
    try:
        address = normalise_address(text)
    except InvalidAddress:
        return None
    return Recipient.objects.filter(email=address).first()


def ids_of_mails_to(recipient: Recipient) -> list[int]:
    """The ids of the person's deliveries, newest first, at most MOST_MAILS.

    Deliveries have no index on the recipient. So we name the mailings in which the person may be, and the unique
    (mailing, recipient) does the rest: one probe a mailing, however many deliveries there are.
    """
    lists = Subscription.objects.filter(recipient=recipient).values("list_id")
    to_lists = Mailing.objects.filter(list_id__in=lists)
    single = Mailing.objects.filter(recipient=recipient)
    found = {pk for mailings in (to_lists, single) for pk in _ids_among(mailings, recipient)}
    return sorted(found, reverse=True)[:MOST_MAILS]


def last_mails_to(recipient: Recipient, count: int) -> list[Delivery]:
    """The person's newest deliveries with what their rows show."""
    newest = Delivery.objects.filter(pk__in=ids_of_mails_to(recipient)[:count])
    return list(newest.select_related(*NAMED))


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
    states = (Subscription.Status.ACTIVE, Subscription.Status.PENDING, Subscription.Status.UNSUBSCRIBED)
    return [(state.value, str(state.label), counted.get(state.value, 0)) for state in states]


def with_address(rows: QuerySet[Addressed], text: str, whole: bool = False) -> QuerySet[Addressed]:
    """Recipients or suppressions whose address is the text, or unless it must be `whole` begins with it.

    Both by the unique index. Who sees no addresses could find them out by their beginnings, letter by letter.
    """
    try:
        return rows.filter(email=normalise_address(text))
    except InvalidAddress:
        return rows.none() if whole else rows.filter(email__startswith=text.strip().lower())


def _ids_among(mailings: QuerySet[Mailing], recipient: Recipient) -> QuerySet[Delivery, int]:
    """The ids of the person's deliveries in these mailings, in no order.

    An ORDER BY with a LIMIT could make the planner walk the whole log by id instead of probing the unique key.
    """
    mails = Delivery.objects.filter(recipient=recipient, mailing__in=mailings.values("pk"))
    return mails.order_by().values_list("pk", flat=True)
