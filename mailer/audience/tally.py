"""Counts who would get a mailing, in slices: each costs the same however long the list, and whoever asks may stop."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.db import connection

from mailer.audience.segments import NOT_WEEKLY, Where, where_of
from mailer.models import Announcement, Digest, RecipientList, SegmentCondition
from mailer.models.literals import listed

#: Subscribers that are looked at at a time, about 30 ms of work.
STEP = 10_000
#: Seconds after which a slice ends; an answer then takes less than 0.3.
SLICE = 0.15

# A step is a range of recipients' ids, named for each table, so that no planner reads more of any than that.
_LAST = """
SELECT recipient_id FROM mailer_subscription WHERE list_id = %(list)s AND recipient_id > %(after)s
ORDER BY recipient_id LIMIT 1 OFFSET {step:d}
"""
_COUNT = """
SELECT COUNT(*), COUNT(suppression.id)
FROM mailer_subscription AS subscription
JOIN mailer_recipient AS recipient ON recipient.id = subscription.recipient_id
LEFT JOIN mailer_suppression AS suppression
  ON suppression.email = recipient.email AND (suppression.expires_at IS NULL OR suppression.expires_at > %(now)s)
WHERE subscription.list_id = %(list)s AND subscription.status = 'active'
  AND subscription.recipient_id > %(after)s AND subscription.recipient_id <= %(last)s
  AND recipient.id > %(after)s AND recipient.id <= %(last)s{where}
"""
_NOT_EARLIER = """ AND NOT EXISTS (
  SELECT 1 FROM mailer_subscription AS earlier
  WHERE earlier.recipient_id = subscription.recipient_id AND earlier.status = 'active'
    AND earlier.list_id IN ({ids}) AND earlier.recipient_id > %(after)s AND earlier.recipient_id <= %(last)s)"""
_NO_END = 2**63 - 1


@dataclass(frozen=True)
class Part:
    """Those active on a list of whom a condition is true."""

    mailing_list: RecipientList
    where: Where = field(default_factory=Where)


@dataclass(frozen=True)
class Tally:
    """What has been counted so far, and where to go on."""

    people: tuple[int, ...]  #: by part
    suppressed: int = 0  #: of all of them
    part: int = 0
    after: int = 0  #: a recipient's id

    @property
    def total(self) -> int:
        """All people so far."""
        return sum(self.people)

    @property
    def deliverable(self) -> int:
        """Those so far to whom mail can go."""
        return self.total - self.suppressed

    @property
    def is_whole(self) -> bool:
        """Whether everybody was counted."""
        return self.part >= len(self.people)


def parts_of_announcement(announcement: Announcement, now: datetime) -> list[Part]:
    """Everybody whom the announcement is for, as its mailings will be planned."""
    segment = announcement.segment
    if segment is not None:
        return part_of_segment(segment.list, segment.conditions.all(), now)
    return parts_of_lists(announcement.lists_in_order())


def parts_of_lists(lists: Sequence[RecipientList]) -> list[Part]:
    """Everybody on the lists, each person with the first of them that they are on."""
    return [Part(each, _not_on(lists[:number])) for number, each in enumerate(lists)]


def parts_of_digest(digest: Digest) -> list[Part]:
    """Those who want the digest each time."""
    return [Part(digest.list, Where(NOT_WEEKLY))]


def part_of_segment(mailing_list: RecipientList, conditions: Iterable[SegmentCondition], now: datetime) -> list[Part]:
    """A segment's people."""
    return [Part(mailing_list, where_of(conditions, mailing_list, now))]


def count_slice(parts: Sequence[Part], so_far: Tally, now: datetime, seconds: float = SLICE) -> Tally:
    """Count on for about so many seconds. The result is added to what was counted; begin with `nothing_yet`."""
    ends = time.monotonic() + seconds
    while not so_far.is_whole:
        so_far = _step(parts[so_far.part], so_far, now)
        if time.monotonic() >= ends:
            break
    return so_far


def nothing_yet(parts: Sequence[Part]) -> Tally:
    """Where counting begins."""
    return Tally((0,) * len(parts))


def _step(part: Part, so_far: Tally, now: datetime) -> Tally:
    values: dict[str, Any] = {"list": part.mailing_list.pk, "after": so_far.after}
    with connection.cursor() as cursor:
        cursor.execute(_LAST.format(step=STEP - 1), values)
        last = (cursor.fetchone() or (_NO_END,))[0]
        values |= {"last": last, "now": connection.ops.adapt_datetimefield_value(now)}
        cursor.execute(_COUNT.format(where=part.where.sql), values | part.where.values)
        people, suppressed = cursor.fetchone()
    counted = tuple(count + people * (n == so_far.part) for n, count in enumerate(so_far.people))
    so_far = replace(so_far, people=counted, suppressed=so_far.suppressed + suppressed, after=last)
    return so_far if last < _NO_END else replace(so_far, part=so_far.part + 1, after=0)


def _not_on(lists: Sequence[RecipientList]) -> Where:
    return Where(_NOT_EARLIER.format(ids=listed(each.pk for each in lists))) if lists else Where()
