"""A list that follows a feed gets each new entry once, and says how the feed is."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from pytest_django.fixtures import Settings

from mailer.models import Digest, DigestItem, Feed, RecipientList
from mailer.scheduling.feeds import UnreadableFeed, call_due_feeds, follow, look_at, refresh
from mailer.scheduling.planning import plan_now
from mailer.tasks import deliver
from tests.fake_relay import FakeRelay
from tests.fake_web import Asked, FakeWeb, Reply, started_web

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)


@pytest.fixture
def web(settings: Settings) -> Iterator[FakeWeb]:
    settings.FETCH_ALLOW = ["127.0.0.0/8", "::1/128"]
    with started_web() as running:
        yield running


@pytest.fixture
def feed(web: FakeWeb, mailing_list: RecipientList) -> Feed:
    made = Feed(list=mailing_list, url=f"{web.url}/feed", newest_first=2)
    follow(made, NOW)
    return made


def rss(*numbers: int, words: str = "Entry") -> bytes:
    items = "".join(
        f"<item><guid>{number}</guid><title>{words} {number}</title><link>https://example.org/{number}</link>"
        f"<pubDate>Mon, 23 Nov 2026 {number:02}:00:00 GMT</pubDate></item>"
        for number in numbers
    )
    return f'<rss version="2.0"><channel><title>News of the day</title>{items}</channel></rss>'.encode()


def serve(web: FakeWeb, *numbers: int, words: str = "Entry") -> None:
    web.replies["/feed"] = Reply(200, rss(*numbers, words=words))


def titles() -> list[str]:
    return sorted(DigestItem.objects.values_list("title", flat=True))


def test_to_begin_with_only_the_newest_become_items_and_later_every_new_one(web: FakeWeb, feed: Feed):
    serve(web, 1, 2, 3, 4)
    assert refresh(feed.pk, NOW) == 2
    assert titles() == ["Entry 3", "Entry 4"]
    serve(web, 1, 2, 3, 4, 5, 6, 7)
    assert refresh(feed.pk, LATER) == 3
    assert titles() == [f"Entry {number}" for number in (3, 4, 5, 6, 7)]
    feed.refresh_from_db()
    assert (feed.title, feed.recent["held"], feed.new_at, feed.read_at) == ("News of the day", 7, LATER, LATER)
    assert feed.next_at == LATER + timedelta(minutes=30)


def test_read_again_it_brings_nothing_twice_and_what_it_corrects_is_corrected(web: FakeWeb, feed: Feed):
    serve(web, 1, 2)
    refresh(feed.pk, NOW)
    before = list(DigestItem.objects.order_by("pk").values_list("pk", "changed_at"))
    assert refresh(feed.pk, LATER) == 0
    assert list(DigestItem.objects.order_by("pk").values_list("pk", "changed_at")) == before
    serve(web, 1, 2, words="Corrected")
    assert refresh(feed.pk, LATER) == 0
    assert titles() == ["Corrected 1", "Corrected 2"]


def test_a_feed_that_has_not_changed_is_not_sent_again(web: FakeWeb, feed: Feed):
    def answer(asked: Asked) -> Reply:
        known = asked.headers.get("If-None-Match") == '"7"'
        modified = {"ETag": '"7"', "Last-Modified": "Mon, 23 Nov 2026 10:00:00 GMT"}
        return Reply(304, headers=modified) if known else Reply(200, rss(1), modified)

    web.replies["/feed"] = answer
    assert [refresh(feed.pk, NOW), refresh(feed.pk, LATER)] == [1, 0]
    assert web.asked[1].headers["If-Modified-Since"] == "Mon, 23 Nov 2026 10:00:00 GMT"
    feed.refresh_from_db()
    assert (feed.read_at, feed.problem, feed.etag) == (LATER, "", '"7"')


def test_a_feed_whose_ids_all_change_brings_no_old_news(web: FakeWeb, feed: Feed):
    serve(web, 1, 2)
    refresh(feed.pk, NOW)
    web.replies["/feed"] = Reply(200, rss(1, 2, 3).replace(b"<guid>", b"<guid>new-"))
    assert refresh(feed.pk, LATER) == 1
    assert titles() == ["Entry 1", "Entry 2", "Entry 3"]


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Reply(500), "answered 500"),
        (Reply(404), "answered 404"),
        (Reply(200, b"<html>Not here</html>"), "This is a web page"),
        (Reply(200, b"x" * 5_000_001), "larger than 5 MB"),
        (Reply(302, headers={"Location": "http://169.254.169.254/latest"}), "not on the public internet"),
    ],
    ids=["500", "404", "a page", "too large", "redirect"],
)
def test_what_is_wrong_is_said_and_the_feed_is_tried_ever_later(web: FakeWeb, feed: Feed, reply: Reply, words: str):
    web.replies["/feed"] = reply
    waits = []
    for number in range(9):
        at = NOW + timedelta(days=number)
        assert refresh(feed.pk, at) == 0
        feed.refresh_from_db()
        assert feed.next_at is not None
        waits.append((feed.next_at - at) / timedelta(minutes=1))
    assert words in feed.problem
    assert (feed.failures, feed.failing_since) == (9, NOW)
    assert waits == [30, 60, 120, 240, 480, 960, 1440, 1440, 1440]
    assert list(Feed.objects.troubled()) == [feed]
    serve(web, 1)
    refresh(feed.pk, NOW + timedelta(days=9))
    feed.refresh_from_db()
    assert (feed.failures, feed.failing_since, feed.problem) == (0, None, "")


def test_a_server_that_asks_for_patience_gets_it(web: FakeWeb, feed: Feed):
    web.replies["/feed"] = Reply(429, headers={"Retry-After": "7200"})
    refresh(feed.pk, NOW)
    feed.refresh_from_db()
    assert feed.next_at == NOW + timedelta(hours=2)
    web.replies["/feed"] = Reply(503, headers={"Retry-After": "Mon, 23 Nov 2026 20:00:00 GMT"})
    refresh(feed.pk, LATER)
    feed.refresh_from_db()
    assert feed.next_at == datetime(2026, 11, 23, 20, tzinfo=UTC)


def test_a_feed_that_is_gone_for_good_is_not_followed_any_more(web: FakeWeb, feed: Feed):
    web.replies["/feed"] = Reply(410)
    refresh(feed.pk, NOW)
    feed.refresh_from_db()
    assert not feed.is_followed
    assert "gone for good" in feed.problem


def test_a_feed_that_has_moved_for_good_is_followed_there(web: FakeWeb, feed: Feed):
    web.replies |= {"/feed": Reply(301, headers={"Location": "/there"}), "/there": Reply(200, rss(1))}
    assert refresh(feed.pk, NOW) == 1
    feed.refresh_from_db()
    assert feed.url == f"{web.url}/there"


def test_one_worker_reads_a_feed_at_a_time_and_one_that_died_gives_it_back(web: FakeWeb, feed: Feed):
    serve(web, 1)
    assert feed.lease(NOW)
    assert refresh(feed.pk, NOW) == 0
    assert web.asked == []
    assert refresh(feed.pk, NOW + timedelta(minutes=3)) == 1


def test_workers_are_called_for_what_is_due_and_again_if_nobody_came(feed: Feed, mailing_list: RecipientList):
    Feed.objects.create(list=mailing_list, url="https://example.org/asleep", next_at=NOW)
    assert call_due_feeds(NOW) == [feed.pk]
    assert call_due_feeds(NOW) == []
    assert call_due_feeds(NOW + timedelta(minutes=6)) == [feed.pk]


def test_looking_at_a_feed_stores_nothing(web: FakeWeb, mailing_list: RecipientList):
    serve(web, 1, 2, 3)
    feed = Feed(list=mailing_list, url=f"{web.url}/feed", newest_first=2)
    look_at(feed, NOW)
    assert (feed.title, feed.recent["held"], len(feed.recent["entries"])) == ("News of the day", 3, 2)
    assert DigestItem.objects.count() == 0
    web.replies.clear()
    with pytest.raises(UnreadableFeed, match="answered 404"):
        look_at(feed, NOW)


@pytest.mark.django_db(transaction=True)
def test_what_staff_change_meanwhile_is_not_written_over(web: FakeWeb, feed: Feed):
    def answer(asked: Asked) -> Reply:
        Feed.objects.filter(pk=feed.pk).update(category="Local", every=60, is_followed=False)
        connection.close()  # that of the web server's thread
        return Reply(200, rss(1))

    web.replies["/feed"] = answer
    refresh(feed.pk, NOW)
    feed.refresh_from_db()
    assert (feed.category, feed.every, feed.is_followed, feed.read_at) == ("Local", 60, False, NOW)


def test_an_entry_comes_into_the_next_digest_and_only_that(web: FakeWeb, feed: Feed, digest: Digest, relay: FakeRelay):
    def send(now: datetime) -> list[bytes]:
        relay.received.clear()
        refresh(feed.pk, now)
        mailing = plan_now(digest, now)
        ids = sorted(mailing.deliveries.values_list("pk", flat=True))
        deliver.apply(args=(mailing.pk, ids[0], ids[-1]))
        return [mail.message for mail in relay.received]

    serve(web, 1, 2)
    assert all(b"Entry 1" in mail and b"Entry 2" in mail for mail in send(NOW))
    serve(web, 1, 2, 3)
    later = send(LATER)
    assert len(later) == 3
    assert all(b"Entry 3" in mail and b"Entry 2" not in mail for mail in later)
