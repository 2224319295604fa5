"""What feeds bring: read when it is due, by one worker at a time, and stored as items of their lists."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from mailer.audience.items import NewItem, store_items
from mailer.models import DigestItem, Feed
from mailer.outside.feed_child import read_feed_apart
from mailer.outside.feed_reader import Entry, NoFeed, ReadFeed
from mailer.outside.fetch import Answer, FetchFailed, Limits, fetch
from mailer.outside.retry_after import wait_asked_for

logger = logging.getLogger(__name__)

LIMITS = Limits(seconds=20, size=5_000_000)
#: While somebody waits for a page.
QUICK = Limits(seconds=8, size=5_000_000)
#: Feeds that one tick calls workers for; the others are due still at the next.
MOST_AT_ONCE = 100
#: Entries that are kept to be looked at.
SHOWN = 10
_HEALTH = ("next_at", "leased_until", "read_at", "failures", "failing_since", "problem")
_MEMORY = ("etag", "last_modified", "left_out", "recent", "new_at")
_ACCEPT = "application/atom+xml, application/rss+xml;q=0.9, application/xml;q=0.8, text/xml;q=0.7, */*;q=0.1"
_OK, _NOT_MODIFIED, _GONE = 200, 304, 410
_LATER = {429, 503}


class UnreadableFeed(Exception):
    """The feed can't be read; the message says why."""

    def __init__(self, why: str, wait: timedelta | None = None, is_gone: bool = False) -> None:
        """`wait` is what its server asks for."""
        super().__init__(why)
        self.wait, self.is_gone = wait, is_gone


@dataclass(frozen=True)
class _Reading:
    """What came of asking: None where nothing has changed since the last time."""

    feed: ReadFeed | None
    answer: Answer


def call_due_feeds(now: datetime) -> list[int]:
    """The feeds that are due. They are due again in a few minutes, in case the message to a worker is lost."""
    due = list(Feed.objects.due(now).values_list("pk", flat=True)[:MOST_AT_ONCE])
    Feed.objects.filter(pk__in=due).update(next_at=now + timedelta(minutes=5))
    return due


def follow(feed: Feed, now: datetime) -> None:
    """From now on its new entries become items; the first reading is due at once."""
    feed.is_followed, feed.next_at, feed.etag, feed.last_modified = True, now, "", ""
    feed.save()


def look_at(feed: Feed, now: datetime) -> None:
    """Read the feed without storing items, and keep what it holds for its page. Raises UnreadableFeed.

    The feed is not saved.
    """
    read = _ask(feed, now, {}, QUICK).feed or ReadFeed("", [])
    feed.title = feed.title or read.title
    feed.recent = _recent(read.entries[: feed.newest_first], len(read.entries))


def refresh(feed_id: int, now: datetime) -> int:
    """Read the feed if it is followed and nobody else does. Returns how many new items came of it."""
    feed = Feed.objects.select_related("list").filter(pk=feed_id, is_followed=True).first()
    if feed is None or not feed.lease(now):
        return 0
    before = {"title": feed.title, "url": feed.url}
    known = {"If-None-Match": feed.etag, "If-Modified-Since": feed.last_modified}
    try:
        reading = _ask(feed, now, {name: value for name, value in known.items() if value})
    except UnreadableFeed as error:
        feed.note_failure(str(error), error.wait, now)
        feed.is_followed = not error.is_gone
        feed.save(update_fields=(*_HEALTH, *(("is_followed",) if error.is_gone else ())))
        logger.warning("Feed %s can't be read: %s", feed.pk, error)
        return 0
    with transaction.atomic():
        new = 0 if reading.feed is None else _take(feed, reading.feed, now)
        _remember(feed, reading.answer)
        feed.note_success(now)
        # What staff may have changed meanwhile is not written over.
        feed.save(update_fields=(*_HEALTH, *_MEMORY, *(name for name in before if getattr(feed, name) != before[name])))
    return new


def _ask(feed: Feed, now: datetime, known: dict[str, str], limits: Limits = LIMITS) -> _Reading:
    try:
        answer = fetch(feed.url, {"Accept": _ACCEPT, **known}, limits)
    except FetchFailed as error:
        raise UnreadableFeed(str(error)) from error
    if answer.status == _NOT_MODIFIED and known:
        return _Reading(None, answer)
    if answer.status == _GONE:
        raise UnreadableFeed("Its server says that it is gone for good (410); it is not followed any more.", None, True)
    if answer.status != _OK:
        wait = wait_asked_for(answer.headers.get("retry-after", ""), now) if answer.status in _LATER else None
        raise UnreadableFeed(f"Its server answered {answer.status}.", wait)
    try:
        return _Reading(read_feed_apart(answer.body, answer.headers, answer.url, now), answer)
    except NoFeed as error:
        raise UnreadableFeed(str(error)) from error


def _take(feed: Feed, read: ReadFeed, now: datetime) -> int:
    """Store what is new. At the first reading older entries are left out, for as long as the feed holds them."""
    if feed.read_at is None:
        feed.left_out = {"marks": [entry.mark for entry in read.entries[feed.newest_first :]]}
    held = {entry.mark for entry in read.entries}
    left_out = [mark for mark in feed.left_out.get("marks", []) if mark in held]
    wanted = _without_doubles(feed, [entry for entry in read.entries if entry.mark not in left_out])
    stored = store_items(feed.list, [_item(feed, entry) for entry in wanted], now)
    feed.left_out = {"marks": left_out}
    feed.recent = _recent(wanted, len(read.entries))
    feed.title = feed.title or read.title
    feed.new_at = now if stored.new else feed.new_at
    return stored.new


def _without_doubles(feed: Feed, entries: Sequence[Entry]) -> list[Entry]:
    """Without those whose link is that of another item of the list: a feed that gets new ids brings no old news."""
    names = [_external_id(feed, entry) for entry in entries]
    links = [entry.link for entry in entries if entry.link]
    others = DigestItem.objects.filter(list=feed.list, recipient=None, url__in=links).exclude(external_id__in=names)
    taken = set(others.values_list("url", flat=True))
    return [entry for entry in entries if entry.link not in taken]


def _item(feed: Feed, entry: Entry) -> NewItem:
    return NewItem(
        title=entry.title,
        external_id=_external_id(feed, entry),
        summary=entry.summary,
        url=entry.link,
        image_url=entry.image,
        category=feed.category or entry.category,
        published_at=entry.published_at,
    )


def _external_id(feed: Feed, entry: Entry) -> str:
    return f"feed:{feed.pk}:{entry.mark}"


def _recent(entries: Sequence[Entry], held: int) -> dict[str, Any]:
    shown = [
        {"title": entry.title, "link": entry.link, "at": entry.published_at.isoformat() if entry.published_at else ""}
        for entry in entries[:SHOWN]
    ]
    return {"held": held, "entries": shown}


def _remember(feed: Feed, answer: Answer) -> None:
    """What the next request is to say; and the new address, if the old one has moved for good."""
    feed.etag = answer.headers.get("etag", "")[:300]
    feed.last_modified = answer.headers.get("last-modified", "")[:100]
    here = Feed.objects.filter(list=feed.list, url=answer.moved_to)
    if answer.moved_to and len(answer.moved_to) <= 800 and not here.exists():
        feed.url = answer.moved_to
