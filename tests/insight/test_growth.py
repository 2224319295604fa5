"""How a list grows, by its own calendar; and what is known of its people."""

from datetime import UTC, date, datetime, timedelta

import pytest

from mailer.insight.growth import DAYS, growth_of
from mailer.insight.known import known_of
from mailer.insight.upcoming import without_news
from mailer.models import Digest, RecipientList, Subscription
from tests.build import make_item, make_list, subscribe

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)


def joined(email: str, at: datetime, left: datetime | None = None) -> None:
    status = "unsubscribed" if left else "active"
    Subscription.objects.filter(recipient__email=email).update(subscribed_at=at, unsubscribed_at=left, status=status)


def test_days_are_those_of_the_lists_own_calendar():
    made = make_list("news", people=3)
    RecipientList.objects.update(time_zone="Asia/Tokyo")
    made.refresh_from_db()
    joined("person0@example.org", datetime(2026, 11, 21, 14, 59, tzinfo=UTC))  # 23:59 in Tokyo
    joined("person1@example.org", datetime(2026, 11, 21, 15, 0, tzinfo=UTC), left=NOW)
    joined("person2@example.org", NOW - timedelta(days=DAYS + 1))
    growth = growth_of(made, NOW)
    by_day = {day.day: (day.joined, day.left) for day in growth.days if day.joined or day.left}
    assert by_day == {date(2026, 11, 21): (1, 0), date(2026, 11, 22): (1, 0), date(2026, 11, 24): (0, 1)}
    assert (len(growth.days), growth.joined, growth.left, growth.most) == (DAYS, 2, 1, 1)


def test_what_several_have_is_offered_and_what_one_has_is_not():
    made = make_list("news")
    subscribe(made, "a@example.org", language="de", attributes={"plan": "pro", "phone": "1", "beta": True})
    subscribe(made, "b@example.org", language="de", attributes={"plan": "pro", "phone": "2", "beta": True})
    assert known_of(made) == {"languages": ["de"], "attributes": {"plan": ["pro"], "phone": [], "beta": ["true"]}}


def test_a_digest_is_empty_for_those_for_whom_nothing_is_new(digest: Digest):
    assert without_news(digest, NOW) == 3
    make_item(digest.list, recipient=digest.list.subscriptions.first().recipient)
    assert without_news(digest, NOW) == 2
    make_item(digest.list)
    assert without_news(digest, NOW) == 0
