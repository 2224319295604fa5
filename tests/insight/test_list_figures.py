"""A long list's figures: kept, told with their time, counted again in the background, and gone when it is short."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from mailer import tasks
from mailer.insight import list_figures
from mailer.insight.growth import growth_of
from mailer.insight.list_figures import FRESH, count_list, old_list_figures, story_of_list
from mailer.insight.people import subscribers_by_state
from mailer.models import ListFigures, RecipientList, Subscription
from tests.build import make_list, subscribe

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


@pytest.fixture
def long_list(monkeypatch: pytest.MonkeyPatch) -> RecipientList:
    monkeypatch.setattr(list_figures, "FEW", 3)
    return make_list("news", people=5)


def test_a_short_list_is_counted_at_once_and_keeps_nothing():
    story = story_of_list(make_list("news", people=3), NOW)
    assert (story.by_state[0][2], story.as_of) == (3, None)
    assert not ListFigures.objects.exists()


def test_a_long_list_says_what_was_counted_and_when(long_list: RecipientList):
    Subscription.objects.update(subscribed_at=NOW - timedelta(days=3))
    Subscription.objects.filter(pk=Subscription.objects.latest("pk").pk).update(
        status="unsubscribed", unsubscribed_at=NOW - timedelta(days=1)
    )
    story_of_list(long_list, NOW)
    subscribe(long_list, "new@example.org")
    story = story_of_list(long_list, NOW + FRESH)
    assert (story.by_state[0][2], story.as_of) == (4, NOW)
    assert (story.growth.joined, story.growth.left) == (5, 1)


def test_it_is_counted_again_when_its_figures_are_old_and_only_then(long_list: RecipientList):
    story_of_list(long_list, NOW)
    subscribe(long_list, "new@example.org")
    assert old_list_figures(NOW + FRESH) == []
    count_list(long_list.pk, NOW + FRESH)
    assert ListFigures.objects.get().as_of == NOW
    later = NOW + FRESH + timedelta(seconds=1)
    assert old_list_figures(later) == [long_list.pk]
    count_list(long_list.pk, later)
    story = story_of_list(long_list, later)
    assert (story.by_state, story.growth) == (subscribers_by_state(long_list), growth_of(long_list, later))
    assert story.as_of == later


def test_a_list_that_has_become_short_is_counted_on_its_page_again(long_list: RecipientList):
    story_of_list(long_list, NOW)
    long_list.subscriptions.filter(pk__lte=long_list.subscriptions.order_by("pk")[2].pk).delete()
    tasks.count_people(long_list.pk)
    assert not ListFigures.objects.exists()
    assert story_of_list(long_list, NOW).by_state[0][2] == 2


def test_its_page_says_when_it_was_counted(admin_client: Client, long_list: RecipientList):
    page = admin_client.get(f"/admin/mailer/recipientlist/{long_list.pk}/change/").content.decode()
    assert f"Counted {timezone.now():%a}" in page
    assert ListFigures.objects.get().list == long_list
