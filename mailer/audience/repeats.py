"""What people have had already: an item that an earlier mailing brought them is left out of their mail."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Q

from mailer.models import Delivery, DigestItem, Mailing, Recipient, RecipientList
from mailer.models.literals import listed

_STATUS = Delivery.Status
#: What became of a mail that has reached its recipient, as far as anybody knows.
BROUGHT = (_STATUS.SENT, _STATUS.UNCERTAIN, _STATUS.BOUNCED, _STATUS.COMPLAINED)
#: Of items' ids.
NOTHING: frozenset[int] = frozenset()

# An earlier mailing that holds an item of this one. The same item of the same digest: as the daily mailings before a
# weekly one do, and those for other time zones. The sum keeps SQLite from going through all mailings of the digest.
_SAME_ITEM = """
SELECT mine.item_id, other.mailing_id, mine.recipient_id
FROM mailer_mailingitem AS mine
JOIN mailer_mailingitem AS other ON other.item_id = mine.item_id AND other.mailing_id < mine.mailing_id
JOIN mailer_mailing AS earlier ON earlier.id = other.mailing_id
WHERE mine.mailing_id = %(mailing)s AND mine.recipient_id {whose} AND earlier.digest_id + 0 = %(digest)s
"""
# Or one for everybody with the same link, on another list.
_SAME_LINK = """
SELECT mine.item_id, other.mailing_id, mine.recipient_id
FROM mailer_mailingitem AS mine
JOIN mailer_digestitem AS item ON item.id = mine.item_id
JOIN mailer_digestitem AS twin ON twin.url = item.url AND twin.url <> '' AND twin.recipient_id IS NULL
JOIN mailer_mailingitem AS other ON other.item_id = twin.id AND other.mailing_id < mine.mailing_id
WHERE mine.mailing_id = %(mailing)s AND mine.recipient_id IS NULL AND twin.list_id <> item.list_id
"""
# A mail that was not sent has brought nothing; one that waits counts if it can go.
_HAD = """
SELECT delivery.recipient_id, delivery.mailing_id
FROM mailer_delivery AS delivery
JOIN mailer_mailing AS mailing ON mailing.id = delivery.mailing_id
LEFT JOIN mailer_subscription AS subscription
  ON subscription.list_id = mailing.list_id AND subscription.recipient_id = delivery.recipient_id
WHERE delivery.mailing_id IN ({mailings}) AND delivery.recipient_id IN ({people}) AND (
  delivery.status IN ({brought})
  OR (delivery.status = 'queued' AND mailing.status IN ('planned', 'sending', 'paused')
    AND subscription.status = 'active'
    AND (subscription.paused_until IS NULL OR subscription.paused_until <= %(now)s)))
"""


_BROUGHT = ", ".join(f"'{status.value}'" for status in BROUGHT)


class Repeats:
    """The items of a mailing that some have had, by person."""

    def __init__(self, mailing: Mailing) -> None:
        """Read which earlier mailings hold which of its items; mostly there are none, and nothing more is asked."""
        self._mailing = mailing
        self._holders = earlier_holders(mailing)
        self._had: dict[int, frozenset[int]] = {}
        self._own: dict[int, frozenset[int]] = {}

    def look_up(self, people: Collection[int], now: datetime) -> None:
        """Read, in a query or two, what these recipients have had."""
        if not people:
            return
        may = _may_repeat_itself(self._mailing)
        own = _ask(_SAME_ITEM.format(whose=f"IN ({listed(people)})"), self._mailing) if may else []
        mailings = {*self._holders, *(mailing for _, mailing, _ in own)}
        if not mailings:
            return
        values = {"now": connection.ops.adapt_datetimefield_value(now)}
        with connection.cursor() as cursor:
            cursor.execute(_HAD.format(mailings=listed(mailings), people=listed(people), brought=_BROUGHT), values)
            got = set(cursor.fetchall())
        self._had = _by_person((person, self._holders.get(mailing, ())) for person, mailing in got)
        self._own = _by_person((person, (item,)) for item, mailing, person in own if (person, mailing) in got)

    def had(self, person: int) -> frozenset[int]:
        """The items for everybody that the person has had, by id; nothing for whom was not looked up."""
        return self._had.get(person, NOTHING)

    def had_own(self, person: int) -> frozenset[int]:
        """Their own items that the person has had, by id."""
        return self._own.get(person, NOTHING)


def earlier_holders(mailing: Mailing) -> dict[int, set[int]]:
    """The earlier mailings that hold items for everybody of this one, each with these items' ids."""
    found: defaultdict[int, set[int]] = defaultdict(set)
    if mailing.digest_id is not None:
        rows = _ask(_SAME_LINK, mailing)
        if _may_repeat_itself(mailing):
            rows += _ask(_SAME_ITEM.format(whose="IS NULL"), mailing)
        for item, holder, _ in rows:
            found[holder].add(item)
    return dict(found)


def links_had(recipient: Recipient, links: Collection[str], elsewhere_than: RecipientList) -> set[str]:
    """Those of the links that mails for other lists have brought the recipient."""
    items = DigestItem.objects.filter(recipient=None, url__in=links).exclude(Q(url="") | Q(list=elsewhere_than))
    theirs = items.filter(
        mailing_items__mailing__deliveries__recipient=recipient, mailing_items__mailing__deliveries__status__in=BROUGHT
    )
    return set(theirs.values_list("url", flat=True))


def _may_repeat_itself(mailing: Mailing) -> bool:
    """Whether its digest's other mailings may hold its items; else planning has left out what they hold."""
    return mailing.digest_id is not None and (mailing.is_weekly or mailing.is_local)


def _ask(statement: str, mailing: Mailing) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, {"mailing": mailing.pk, "digest": mailing.digest_id})
        return cursor.fetchall()


def _by_person(found: Iterable[tuple[int, Iterable[int]]]) -> dict[int, frozenset[int]]:
    items: defaultdict[int, set[int]] = defaultdict(set)
    for person, some in found:
        items[person].update(some)
    return {person: frozenset(those) for person, those in items.items()}
