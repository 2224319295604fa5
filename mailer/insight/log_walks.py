"""Walks through the log in stretches of bounded size, so that no search can run away however rare its object is."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from django.db.models.fields.tuple_lookups import Tuple, TupleGreaterThanOrEqual, TupleLessThan

from mailer.models import Delivery, Mailing
from mailer.models.deliveries import DeliveryQuerySet

#: The log's order, newest first, which the unique key and the log's indexes have. Ids are nearly in the same.
LOG_ORDER = ("-mailing_id", "-recipient_id")
#: How many rows the first stretch of a walk has, and how many a later one has at most.
SHORT, LONG = 1_000, 25_000
#: Small mailings are searched together while they have no more rows than this, larger ones are walked through.
TOGETHER = 5_000


#: Gives mailings, newest first, from an id on or from the newest.
Mailings = Callable[[int | None], Iterable[Mailing]]


@dataclass(frozen=True)
class Place:
    """Where a delivery is in the log's order."""

    mailing_id: int
    recipient_id: int


@dataclass(frozen=True)
class Search:
    """What is looked for, and where."""

    along: DeliveryQuerySet  #: the rows that must be looked at, which are in one index in the log's order
    matching: DeliveryQuerySet  #: those of them that are wanted
    mailings: Mailings | None  #: in which something may be found; None for the whole log
    rows_in: Callable[[Mailing], int]  #: how many rows must be looked at in a mailing, at most


@dataclass(frozen=True)
class Stretch:
    """A part of the log in which as many rows are looked at as `size` says, at most."""

    matching: DeliveryQuerySet
    size: int
    end_id: int | None = None  #: the last delivery of the stretch
    end_mailing: int | None = None  #: or the mailing with which it ends

    def find(self, count: int) -> list[int]:
        """The ids of the first wanted deliveries in it."""
        return list(self.matching.order_by(*LOG_ORDER).values_list("pk", flat=True)[:count])

    def end(self) -> int | None:
        """The id of its last delivery; None at the end of the log."""
        if self.end_id is None and self.end_mailing is not None:
            last = Delivery.objects.filter(mailing_id=self.end_mailing).order_by("recipient_id")
            return last.values_list("pk", flat=True).first()
        return self.end_id


def stretches(search: Search, before: Place | None) -> Iterator[Stretch]:
    """The stretches of the log to be searched, one after the other, after the place."""
    if search.mailings is None:
        yield from _walk(search, before)
        return
    for mailings, rows in _small_ones_together(search, before):
        if rows > TOGETHER:
            yield from _walk(search, before, mailings[0])
        else:
            inside = _after(search.matching, before, mailings[0]).filter(mailing_id__in=mailings)
            # Each mailing is looked up in the index, and that costs too.
            yield Stretch(inside, rows + len(mailings), end_mailing=mailings[-1])


def _small_ones_together(search: Search, before: Place | None) -> Iterator[tuple[list[int], int]]:
    """Groups of mailings with how many rows must be looked at; alone is a large one, and one that is begun already."""
    together: list[int] = []
    rows = 0
    for mailing in search.mailings(before.mailing_id if before else None) if search.mailings else ():
        its_rows = max(search.rows_in(mailing), 0)
        if together and rows + its_rows > TOGETHER:
            yield together, rows
            together, rows = [], 0
        together.append(mailing.pk)
        rows += its_rows
        if before and mailing.pk == before.mailing_id:
            yield together, rows
            together, rows = [], 0
    if together:
        yield together, rows


def _walk(search: Search, before: Place | None, mailing_id: int | None = None) -> Iterator[Stretch]:
    """Stretch by stretch through a mailing, or through the whole log."""
    if mailing_id is not None:
        inside = {"mailing_id": mailing_id}
        search = replace(search, along=search.along.filter(**inside), matching=search.matching.filter(**inside))
    size = SHORT
    while True:
        found = _after(search.along, before, mailing_id).order_by(*LOG_ORDER)
        last = found.values_list("pk", "mailing_id", "recipient_id")[size - 1 : size].first()
        rest = _after(search.matching, before, mailing_id)
        if last is None:
            yield Stretch(rest, size, end_mailing=mailing_id)
            return
        before = Place(*last[1:])
        yield Stretch(_down_to(rest, before, mailing_id), size, end_id=last[0])
        size = min(4 * size, LONG)


def _after(rows: DeliveryQuerySet, place: Place | None, mailing_id: int | None) -> DeliveryQuerySet:
    if place is None or mailing_id not in (None, place.mailing_id):
        return rows
    if mailing_id is not None:
        return rows.filter(recipient_id__lt=place.recipient_id)
    return rows.filter(TupleLessThan(_PLACE, (place.mailing_id, place.recipient_id)))


def _down_to(rows: DeliveryQuerySet, place: Place, mailing_id: int | None) -> DeliveryQuerySet:
    if mailing_id is not None:
        return rows.filter(recipient_id__gte=place.recipient_id)
    return rows.filter(TupleGreaterThanOrEqual(_PLACE, (place.mailing_id, place.recipient_id)))


_PLACE = Tuple("mailing_id", "recipient_id")
