"""Finds deliveries in a log of millions: by day, list, mailing, state, reason, domain and SMTP code, newest first."""

from dataclasses import dataclass
from datetime import datetime

from mailer.insight.log_scope import LogFilter, mailings_of, mailings_to_search, rows_to_search
from mailer.insight.log_walks import LOG_ORDER, Place, Search, stretches
from mailer.models import Delivery, InvalidAddress, Mailing, Recipient, normalise_address
from mailer.models.deliveries import DeliveryQuerySet

__all__ = ["LOG_ORDER", "LogFilter", "Page", "find_deliveries", "narrow"]

#: After so many rows a search stops, and says how far it came.
MOST_EXAMINED = 100_000
#: What a row costs that lies alone in the table, in rows that are read along an index.
ALONE = 4
#: Up to so many people of a domain are looked up one by one; more are met on the way through the log.
FEW_PEOPLE = 2_000


@dataclass(frozen=True)
class Page:
    """What was found, and where to go on."""

    ids: list[int]  #: of deliveries, in LOG_ORDER
    next_before: int | None  #: `before_id` for the next page; None if there is nothing more
    searched_back_to: datetime | None = None  #: if the search stopped early: when that is due to which it came


def find_deliveries(wanted: LogFilter, before_id: int | None, count: int) -> Page:
    """The first `count` deliveries that are wanted after the delivery `before_id`, in the log's order.

    However rare what is wanted may be, only so many rows are looked at; then the page is short, or empty, says how far
    back it has searched, and has a next one.
    """
    if wanted.is_impossible:
        return Page([], None)
    found: list[int] = []
    cost = ALONE if wanted.is_scattered else 1
    examined, end = 0, None
    for stretch in stretches(_search(wanted), _place(before_id)):
        if end is not None:
            return Page(found, end, _due(end))
        found += stretch.find(count + 1 - len(found))
        if len(found) > count:
            return Page(found[:count], found[count - 1])
        examined += cost * stretch.size
        end = stretch.end() if examined >= MOST_EXAMINED else None
        if end == before_id:
            end = None  # nothing was left of the mailing in which the page begins
    return Page(found, None)


def narrow(few: DeliveryQuerySet, wanted: LogFilter) -> DeliveryQuerySet:
    """Those of some deliveries that are wanted; they are few, such as one person's, and need no search."""
    matching = _matching(few.filter(mailing__in=mailings_of(wanted)), wanted)
    domain = _normalise_domain(wanted.domain)
    return matching.to_domain(domain) if domain else matching


def _search(wanted: LogFilter) -> Search:
    domain = _normalise_domain(wanted.domain)
    people = _few_people(domain) if domain else None
    along = _along(wanted)
    matching = _matching(along, wanted)
    if people is not None:
        matching = matching.filter(recipient_id__in=people)
    elif domain:
        matching = matching.to_domain(domain)
    return Search(along, matching, mailings_to_search(wanted, people), rows_to_search(wanted, people))


def _along(wanted: LogFilter) -> DeliveryQuerySet:
    """The rows of one index, the one that has the fewest."""
    rows = Delivery.objects.order_by(*LOG_ORDER)
    if wanted.is_refused:
        return rows.refused().filter(smtp_code=wanted.smtp_code)
    if wanted.reason:
        return rows.with_reason().filter(reason=wanted.reason)
    if wanted.ended_otherwise:
        return rows.ended_otherwise().filter(status=wanted.status)
    return rows


def _matching(rows: DeliveryQuerySet, wanted: LogFilter) -> DeliveryQuerySet:
    if wanted.is_open:
        rows = rows.open()
    if wanted.status:
        rows = rows.filter(status=wanted.status)
    if wanted.reason:
        rows = rows.filter(reason=wanted.reason)
    return rows if wanted.smtp_code is None else rows.filter(smtp_code=wanted.smtp_code)


def _few_people(domain: str) -> list[int] | None:
    """The recipients at the domain, or None if there are more than FEW_PEOPLE."""
    people = list(Recipient.objects.at_domain(domain).order_by().values_list("pk", flat=True)[: FEW_PEOPLE + 1])
    return people if len(people) <= FEW_PEOPLE else None


def _normalise_domain(typed: str) -> str:
    """The domain as it is in the addresses, with or without an @ before it; as typed if it is no domain."""
    domain = typed.strip().lstrip("@").lower()
    try:
        return normalise_address(f"post@{domain}").partition("@")[2] if domain else ""
    except InvalidAddress:
        return domain


def _place(delivery_id: int | None) -> Place | None:
    """Where the delivery is in the log; or the one after which it came, if it was deleted meanwhile."""
    if delivery_id is None:
        return None
    near = Delivery.objects.filter(pk__gte=delivery_id).order_by("pk")
    found = near.values_list("mailing_id", "recipient_id").first()
    return Place(*found) if found else None


def _due(delivery_id: int) -> datetime | None:
    return Mailing.objects.filter(deliveries=delivery_id).values_list("scheduled_for", flat=True).first()
