"""The delivery log of a time as rows to be kept elsewhere, in steps of bounded size however long the log is."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from mailer.models import Delivery, Mailing, Recipient

#: Deliveries, or mailings, that one statement reads.
STEP = 5_000
#: Headings, in their order.
COLUMNS = (
    "delivery", "mailing", "kind", "list", "due", "recipient",
    "status", "reason", "attempts", "sent_at", "smtp_code", "smtp_text",
)  # fmt: skip
_OF_DELIVERY = ("id", "mailing_id", "recipient_id", *COLUMNS[6:])
_OF_MAILING = ("pk", "planned", "kind", "list__slug", "scheduled_for")
ERASED = "erased recipient"

Row = dict[str, Any]


@dataclass(frozen=True)
class Wanted:
    """Which deliveries: of mailings due from `start` until before `end`, and if said of one list or in one state."""

    start: datetime
    end: datetime
    list_slug: str = ""
    status: str = ""  #: of Delivery.Status


def read_log(wanted: Wanted) -> Iterator[list[Row]]:
    """The rows by mailing and recipient, oldest mailing first, at most STEP at a time; keys are COLUMNS."""
    for mailings in _groups(wanted):
        by_id = {mailing["pk"]: mailing for mailing in mailings}
        for deliveries in _deliveries(list(by_id), wanted.status):
            yield _complete(deliveries, by_id)


def _groups(wanted: Wanted) -> Iterator[list[Row]]:
    """Small mailings together, as single mails are one each; a large one alone."""
    together: list[Row] = []
    planned = 0
    for mailing in _mailings(wanted):
        if together and planned + mailing["planned"] > STEP:
            yield together
            together, planned = [], 0
        together.append(mailing)
        planned += mailing["planned"]
    if together:
        yield together


def _mailings(wanted: Wanted) -> Iterator[Row]:
    rows = Mailing.objects.filter(planned__gt=0, scheduled_for__gte=wanted.start, scheduled_for__lt=wanted.end)
    if wanted.list_slug:
        rows = rows.filter(list__slug=wanted.list_slug)
    last = 0
    while step := list(rows.filter(pk__gt=last).order_by("pk").values(*_OF_MAILING)[:STEP]):
        yield from step
        last = step[-1]["pk"]


def _deliveries(mailings: list[int], status: str) -> Iterator[list[Row]]:
    """Along the unique key. What there is of several mailings fits into one step, unless a sum is behind."""
    rows = Delivery.objects.filter(status=status) if status else Delivery.objects.all()
    if len(mailings) > 1:
        together = rows.filter(mailing__in=mailings).order_by("mailing_id", "recipient_id")
        found = list(together.values(*_OF_DELIVERY)[: STEP + 1])
        if len(found) <= STEP:
            yield found
            return
    for mailing in mailings:
        yield from _walk(rows.filter(mailing=mailing))


def _walk(rows: QuerySet[Delivery]) -> Iterator[list[Row]]:
    """By the last recipient seen, never by an offset."""
    last = 0
    while step := list(rows.filter(recipient_id__gt=last).order_by("recipient_id").values(*_OF_DELIVERY)[:STEP]):
        yield step
        last = step[-1]["recipient_id"]


def _complete(deliveries: list[Row], mailings: dict[int, Row]) -> list[Row]:
    """A recipient may be erased, and a join would leave the delivery out."""
    people = Recipient.objects.filter(pk__in={row["recipient_id"] for row in deliveries})
    addresses = dict(people.order_by().values_list("pk", "email"))
    return [_row(row, mailings[row["mailing_id"]], addresses.get(row["recipient_id"], ERASED)) for row in deliveries]


def _row(delivery: Row, mailing: Row, recipient: str) -> Row:
    values = {
        "delivery": delivery["id"],
        "mailing": delivery["mailing_id"],
        "kind": mailing["kind"],
        "list": mailing["list__slug"] or "",
        "due": mailing["scheduled_for"],
        "recipient": recipient,
    }
    return values | {name: delivery[name] for name in COLUMNS[6:]}
