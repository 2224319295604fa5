"""A feed is tried before it is taken, looked at before it is followed, and says how it is."""

from collections.abc import Iterator

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from mailer.models import DigestItem, Feed
from mailer.scheduling.feeds import refresh
from tests.admin.world import World
from tests.fake_web import FakeWeb, Reply, started_web

FEED = b"<rss version='2.0'><channel><title>Notes</title><item><title>One &lt;b&gt;</title></item></channel></rss>"
ADD = "/admin/mailer/feed/add/"


@pytest.fixture
def web(settings: Settings) -> Iterator[FakeWeb]:
    settings.FETCH_ALLOW = ["127.0.0.0/8", "::1/128"]
    with started_web() as running:
        running.replies["/feed"] = Reply(200, FEED)
        yield running


def form(world: World, url: str) -> dict[str, object]:
    return {"list": world.mailing_list.pk, "url": url, "title": "", "category": "", "every": 30, "newest_first": 5}


def page_of(feed: Feed, name: str = "change") -> str:
    return f"/admin/mailer/feed/{feed.pk}/{name}/"


def test_a_feed_is_added_looked_at_followed_and_read(admin_client: Client, world: World, web: FakeWeb):
    page = admin_client.post(ADD, form(world, f"{web.url}/feed"), follow=True).content.decode()
    feed = Feed.objects.get()
    before = DigestItem.objects.count()
    assert (feed.title, feed.is_followed) == ("Notes", False)
    assert "Nothing comes of it until you follow it" in page
    assert "One &lt;b&gt;" in page or "One" in page
    page = admin_client.post(page_of(feed, "follow"), follow=True).content.decode()
    assert "about to be read for the first time" in page
    refresh(feed.pk, timezone.now())
    assert DigestItem.objects.count() == before + 1
    assert "something new last came" in admin_client.get(page_of(feed)).content.decode()
    admin_client.post(page_of(feed, "unfollow"))
    assert "not followed any more" in admin_client.get(page_of(feed)).content.decode()


def test_what_is_no_feed_is_told_at_its_field_and_not_saved(admin_client: Client, world: World, web: FakeWeb):
    web.replies["/page"] = Reply(200, b'<html><link type="application/rss+xml" href="/feed">')
    page = admin_client.post(ADD, form(world, f"{web.url}/page")).content.decode()
    assert f"This is a web page. Its feed is at {web.url}/feed" in page
    page = admin_client.post(ADD, form(world, "http://169.254.169.254/latest/meta-data")).content.decode()
    assert "not on the public internet" in page
    assert Feed.objects.count() == 0


def test_a_feed_that_fails_says_since_when_and_why(admin_client: Client, world: World, web: FakeWeb):
    admin_client.post(ADD, form(world, f"{web.url}/feed"))
    feed = Feed.objects.get()
    admin_client.post(page_of(feed, "follow"))
    web.replies["/feed"] = Reply(500)
    refresh(feed.pk, timezone.now())
    page = admin_client.get(page_of(feed)).content.decode()
    assert (
        "It can&#x27;t be read: Its server answered 500." in page
        or "It can't be read: Its server answered 500." in page
    )
    assert "1 time in a row" in page
    assert "Can&#x27;t be read" in admin_client.get("/admin/mailer/feed/").content.decode()
    admin_client.post(page_of(feed, "read"))
    feed.refresh_from_db()
    assert feed.next_at is not None
    assert feed.next_at <= timezone.now()


def test_changing_anything_but_the_address_asks_nobody(admin_client: Client, world: World, web: FakeWeb):
    admin_client.post(ADD, form(world, f"{web.url}/feed"))
    feed, asked = Feed.objects.get(), len(web.asked)
    admin_client.post(page_of(feed), form(world, feed.url) | {"category": "Local", "title": "Ours"})
    feed.refresh_from_db()
    assert (feed.category, feed.title, len(web.asked)) == ("Local", "Ours", asked)
