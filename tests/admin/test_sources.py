"""A digest's sources are chosen in its form, and its page says how they are."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from mailer.audience import sources
from mailer.models import Digest, DigestItem, SourceState
from mailer.sources import Item, digest_source
from tests.admin.test_digests import form, page_of
from tests.admin.world import AFTERNOON, World


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "_registered", {})
    for name in ("blog", "shop"):
        digest_source(name)(lambda digest, since, now: [])


def choices(client: Client, digest: Digest) -> Any:
    fields = client.get(page_of(digest)).context["adminform"].form.fields
    return fields["sources"].choices


def test_they_are_chosen_and_saved(admin_client: Client, world: World, registered: None) -> None:
    assert choices(admin_client, world.digest) == [("blog", "blog"), ("shop", "shop")]
    data = form(world, sources=["shop", "blog"])
    assert admin_client.post(page_of(world.digest), data).status_code == 302
    world.digest.refresh_from_db()
    assert world.digest.sources == ["shop", "blog"]
    assert b"not called yet" in admin_client.get(page_of(world.digest)).content
    assert admin_client.post(page_of(world.digest), form(world)).status_code == 302
    world.digest.refresh_from_db()
    assert world.digest.sources == []


def test_a_name_that_nobody_registers_is_not_taken(admin_client: Client, world: World, registered: None) -> None:
    answer = admin_client.post(page_of(world.digest), form(world, sources=["casino"]))
    assert list(answer.context["adminform"].form.errors) == ["sources"]


def test_one_that_is_set_and_gone_is_marked_and_can_be_kept_or_taken_off(
    admin_client: Client, world: World, registered: None
) -> None:
    Digest.objects.update(sources=["gone"])
    assert choices(admin_client, world.digest)[-1] == ("gone", "gone (not registered any more)")
    for said in (["gone", "blog"], []):
        assert admin_client.post(page_of(world.digest), form(world, sources=said)).status_code == 302
        world.digest.refresh_from_db()
        assert world.digest.sources == said


def test_where_nothing_is_registered_nothing_is_asked(
    admin_client: Client, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "_registered", {})
    assert b"Ask for items" not in admin_client.get(page_of(world.digest)).content
    assert admin_client.post(page_of(world.digest), form(world)).status_code == 302
    assert Digest.objects.get().sources == []


def test_the_page_says_what_came_of_each(admin_client: Client, world: World, registered: None) -> None:
    Digest.objects.update(sources=["blog"])
    SourceState.objects.create(
        digest=world.digest, name="blog", called_at=AFTERNOON, stored=12, left_out=3, failing_since=AFTERNOON,
        problem="It raised <ValueError>.",
    )  # fmt: skip
    page = admin_client.get(page_of(world.digest)).content.decode()
    assert "gave 12 items, and 3 for people who are not on the list." in page
    assert "It raised &lt;ValueError&gt;." in page


def test_send_now_asks_them_also_where_nothing_waits(admin_client: Client, world: World, registered: None) -> None:
    Digest.objects.update(sources=["news"])
    DigestItem.objects.update(is_hidden=True)
    digest_source("news")(lambda digest, since, now: [Item("Just in", 1)])
    page = admin_client.get(page_of(world.digest, "send")).content.decode()
    assert "Asked first" in page
    assert "Send now to" in page
    answer = admin_client.post(page_of(world.digest, "send"))
    assert answer.status_code == 302
    assert DigestItem.objects.get(title="Just in").mailing_items.count() == 1


def test_who_may_only_look_sees_which_are_set(powerless: Client, world: World, registered: None) -> None:
    User.objects.get().user_permissions.set(Permission.objects.filter(codename="view_digest"))
    Digest.objects.update(sources=["blog"])
    assert "blog" in powerless.get(page_of(world.digest)).content.decode()
