"""A list's page says where everybody finds it, and which feeds it follows."""

from html import unescape

import pytest
from django.conf import settings
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone

from mailer.models import Feed, RecipientList
from tests.admin.world import World


def read(client: Client, world: World) -> str:
    return client.get(f"/admin/mailer/recipientlist/{world.mailing_list.pk}/change/").content.decode()


def test_a_list_that_is_closed_says_what_to_switch_on(admin_client: Client, world: World) -> None:
    RecipientList.objects.update(is_public=False, archive_is_public=False)
    page = read(admin_client, world)
    assert "switch on “Public” under" in page
    assert "switch on “Public archive” under" in page
    assert f"/s/{world.mailing_list.slug}" not in page
    assert "feed.xml" not in page


def test_an_open_list_shows_addresses_that_answer_and_a_form_to_copy(
    admin_client: Client, client: Client, world: World
) -> None:
    RecipientList.objects.update(is_public=True, archive_is_public=True)
    page, slug = read(admin_client, world), world.mailing_list.slug
    for path in (f"/s/{slug}", f"/lists/{slug}/", f"/lists/{slug}/feed.xml"):
        assert f'href="{settings.SITE_URL}{path}"' in page
        assert client.get(path).status_code == 200
    assert f'<iframe src="{settings.SITE_URL}/s/{slug}/form" title="Subscribe"' in unescape(page)
    assert "<iframe" not in page
    assert client.get(f"/s/{slug}/form").status_code == 200
    assert "switch on “" not in page


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({}, "It is not followed."),
        ({"is_followed": True}, "about to be read for the first time"),
        ({"is_followed": True, "read_at": timezone.now()}, "nothing new has come yet"),
        ({"is_followed": True, "problem": "It says 404."}, "It can&#x27;t be read: It says 404."),
    ],
)
def test_the_feeds_that_it_follows_and_how_they_are(
    admin_client: Client, world: World, state: dict[str, object], words: str
) -> None:
    assert "Feeds it follows" in read(admin_client, world)
    feed = Feed.objects.create(list=world.mailing_list, url="https://example.org/f", title="Notes <b>", **state)
    page = read(admin_client, world)
    assert words in page
    assert f'<a href="/admin/mailer/feed/{feed.pk}/change/">Notes &lt;b&gt;</a>' in page
    assert f"/admin/mailer/feed/add/?list={world.mailing_list.pk}" in page


def test_who_may_not_see_feeds_sees_none(powerless: Client, world: World) -> None:
    permission = Permission.objects.get(codename="view_recipientlist")
    User.objects.get(username="powerless").user_permissions.add(permission)
    assert "Feeds it follows" not in read(powerless, world)
