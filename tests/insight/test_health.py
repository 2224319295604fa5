"""What is asked of the database each half minute, so that the admins are told of it."""

from datetime import datetime, timedelta

import pytest

from mailer.insight.health import look
from mailer.models import Delivery, Digest, Feed, Mailing, Recipient, Return, WebhookEndpoint
from tests.build import subscribe

pytestmark = pytest.mark.django_db


def test_domains_that_blocked_us_within_a_day_are_counted(digest: Digest, now: datetime):
    mailing = Mailing.objects.create(
        kind="announcement", list=digest.list, version=digest.template.versions.get(), scheduled_for=now
    )
    for number, (domain, hours, outcome) in enumerate(
        [("a.example", 1, "blocked"), ("b.example", 2, "blocked"), ("a.example", 3, "blocked"),
         ("old.example", 25, "blocked"), ("c.example", 1, "gone")]
    ):  # fmt: skip
        person = subscribe(digest.list, f"p{number}@{domain}")
        mail = Delivery.objects.create(mailing=mailing, recipient=person, status="bounced", sent_at=now)
        Return.objects.create(delivery=mail, at=now - timedelta(hours=hours), outcome=outcome, source="pipe")
    view = look([], now)
    assert (view.blocked, view.blocked_since) == ([("a.example", 2), ("b.example", 1)], now - timedelta(hours=3))
    Recipient.objects.filter(email="p0@a.example").delete()
    assert dict(look([], now).blocked) == {"a.example": 1, "b.example": 1}


def test_mailings_that_were_stopped_are_seen_while_they_stand_still_and_a_day_long(digest: Digest, now: datetime):
    def make(status: str, hours: int | None) -> Mailing:
        at = None if hours is None else now - timedelta(hours=hours)
        return Mailing.objects.create(
            kind="announcement", list=digest.list, version=digest.template.versions.get(), scheduled_for=now,
            status=status, alarmed_at=at,
        )  # fmt: skip

    seen = [make("paused", 100), make("done", 1)]
    make("done", 25)
    make("paused", None)
    assert sorted(mailing.pk for mailing in look([], now).alarmed) == sorted(mailing.pk for mailing in seen)


def test_feeds_that_could_not_be_read_several_times_are_seen_while_they_are_followed(digest: Digest, now: datetime):
    for number, (failures, is_followed) in enumerate([(5, True), (4, True), (9, False)]):
        address = f"https://example.org/{number}"
        Feed.objects.create(list=digest.list, url=address, failures=failures, is_followed=is_followed)
    assert [feed.failures for feed in look([], now).feeds] == [5]


def test_webhook_endpoints_are_seen_when_nothing_has_reached_them_for_an_hour(db: None, now: datetime):
    def make(name: str, **values: object) -> None:
        WebhookEndpoint.objects.create(name=name, url="https://example.org", events=["delivery.failed"], **values)

    make("well")
    make("a moment ago", failing_since=now - timedelta(minutes=50))
    make("for long", failing_since=now - timedelta(minutes=70))
    make("off by us", is_enabled=False, switched_off_at=now - timedelta(days=9), failing_since=now - timedelta(days=14))
    make("off by staff", is_enabled=False, failing_since=now - timedelta(days=14))
    assert [endpoint.name for endpoint in look([], now).webhooks] == ["for long", "off by us"]
