"""Nobody gets an item twice and nobody misses one: daily or weekly, whoever changes over, and on several lists."""

from collections import Counter
from datetime import UTC, datetime, time, timedelta
from email import message_from_bytes, policy
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailer.audience.consent import Word
from mailer.feedback.preferences import Wish, fulfil
from mailer.models import ConsentEvent, Delivery, Digest, EmailTemplate, Mailing, Recipient, Subscription
from mailer.scheduling.drafts import draft_digest
from mailer.scheduling.planning import NothingToSend, complete, plan_due, plan_now
from mailer.scheduling.schedules import Schedule, set_schedule
from mailer.sending.batch import send_range
from mailer.sending.claim import Range
from tests.build import MORNING, make_digest, make_item, make_list, subscribe
from tests.fake_relay import FakeRelay

pytestmark = pytest.mark.django_db
DAILY, WEEKLY = Subscription.Cadence.DAILY, Subscription.Cadence.WEEKLY
Received = Counter[tuple[str, str]]


def at(day: int, hour: int = 15) -> datetime:
    """Day 0 is Monday, 23 November 2026."""
    return datetime(2026, 11, 23, hour, tzinfo=UTC) + timedelta(days=day)


def choose(digest: Digest, name: str, cadence: str, now: datetime) -> None:
    person = Recipient.objects.get(email=f"{name}@example.org")
    fulfil(digest.list_id, person.pk, Wish(True, cadence, None), Word("the preferences page", now))


def send_due(relay: FakeRelay, now: datetime) -> Received:
    """Plan and send all that is due; who got which item."""
    before = len(relay.received)
    for mailing in plan_due(now):
        send_range(Range(mailing.pk, 0, 2**62), uuid4(), lambda: now)
    return read(relay, before)


def read(relay: FakeRelay, since: int = 0) -> Received:
    found: Received = Counter()
    for mail in relay.received[since:]:
        message = message_from_bytes(mail.message, policy=policy.SMTP)
        titles = [line[2:] for line in message.get_body(("plain",)).get_content().splitlines() if line[:2] == "* "]
        assert titles, "an empty digest was sent"
        found.update((mail.recipient.partition("@")[0], title) for title in titles)
    return found


def test_weekly_people_get_on_their_day_all_that_the_week_brought(digest: Digest, relay: FakeRelay):
    choose(digest, "person0", WEEKLY, MORNING - timedelta(days=30))
    for day in range(1, 8):
        make_item(digest.list, f"of day {day}", published_at=at(day, 9))
        got = send_due(relay, at(day))
        weekly = {(who, what) for who, what in got if who == "person0"}
        assert weekly == ({("person0", f"of day {n}") for n in range(1, 8)} if day == 7 else set())
        assert got["person1", f"of day {day}"] == 1
    monday = Mailing.objects.filter(scheduled_for=at(7)).order_by("pk")
    assert [(mailing.name, mailing.planned) for mailing in monday] == [("News", 2), ("News, weekly", 1)]


def test_without_weekly_people_there_is_no_weekly_mailing(digest: Digest, relay: FakeRelay):
    make_item(digest.list)
    send_due(relay, at(0))
    assert [mailing.is_weekly for mailing in Mailing.objects.all()] == [False]


def test_what_nobody_got_daily_is_kept_for_the_weekly_mail(digest: Digest, relay: FakeRelay):
    for number in range(3):
        choose(digest, f"person{number}", WEEKLY, MORNING)
    make_item(digest.list, "kept")
    assert not send_due(relay, at(1))
    daily = Mailing.objects.get(scheduled_for=at(1))
    assert (daily.status, daily.reason) == ("skipped", "everybody on the list gets it once a week")
    assert send_due(relay, at(7)) == {(f"person{number}", "kept"): 1 for number in range(3)}


def test_a_weekly_mail_that_was_missed_is_made_up_for_by_the_next(digest: Digest, relay: FakeRelay):
    choose(digest, "person0", WEEKLY, MORNING - timedelta(days=30))
    make_item(digest.list, "first")
    assert send_due(relay, at(0))["person0", "first"] == 1
    make_item(digest.list, "of the week", published_at=at(2, 9))
    send_due(relay, at(2))
    assert not send_due(relay, at(7, 23))
    assert Mailing.objects.get(is_weekly=True, scheduled_for=at(7)).status == Mailing.Status.MISSED
    assert send_due(relay, at(14))["person0", "of the week"] == 1


def test_the_weekly_mail_goes_at_the_first_time_from_its_day_on(digest: Digest, relay: FakeRelay):
    set_schedule(digest, Schedule(time(15), "tue,fri"))
    choose(digest, "person0", WEEKLY, MORNING - timedelta(days=30))
    for day in range(14):
        make_item(digest.list, f"of day {day}", published_at=at(day, 9))
        send_due(relay, at(day))
    assert [mailing.scheduled_for for mailing in Mailing.objects.filter(is_weekly=True).order_by("pk")] == [
        at(1),
        at(8),
    ]


def test_weekly_mails_go_at_each_ones_own_time(template: EmailTemplate, relay: FakeRelay):
    mailing_list = make_list("news")
    for name, zone in (("kiribati", "Pacific/Kiritimati"), ("hawaii", "Pacific/Honolulu"), ("nowhere", "")):
        subscribe(mailing_list, f"{name}@example.org", time_zone=zone)
    digest = make_digest(mailing_list, template, in_recipients_zone=True)
    for name in ("kiribati", "hawaii", "nowhere"):
        choose(digest, name, WEEKLY, at(-30))
    for day in range(2, 5):
        make_item(mailing_list, f"of day {day}", published_at=at(day, 0))
        for hour in (1, 15):
            send_due(relay, at(day, hour))
    got = [send_due(relay, at(6, 12) + timedelta(hours=hour)) for hour in range(48)]
    whole = [f"of day {day}" for day in range(2, 5)]
    assert [(hour, who, what) for hour, mails in enumerate(got) for who, what in sorted(mails)] == [
        (hour, who, what) for hour, who in ((13, "kiribati"), (27, "nowhere"), (37, "hawaii")) for what in whole
    ]


def test_send_now_does_not_go_to_weekly_people(digest: Digest, relay: FakeRelay):
    make_item(digest.list)
    choose(digest, "person0", WEEKLY, MORNING)
    assert plan_now(digest, at(1)).planned == 2
    for number in (1, 2):
        choose(digest, f"person{number}", WEEKLY, at(1))
    make_item(digest.list, "another")
    with pytest.raises(NothingToSend, match="once a week"):
        plan_now(digest, at(2))


@pytest.mark.long
@pytest.mark.once
@settings(settings.get_profile("one fixture"), max_examples=6)
@given(changes=st.lists(st.tuples(st.integers(1, 20), st.sampled_from([9, 20])), max_size=6), weekly=st.booleans())
def test_whoever_changes_over_gets_each_item_once(
    changes: list[tuple[int, int]], weekly: bool, digest: Digest, relay: FakeRelay
):
    begin_anew(digest)
    received: Received = Counter()
    if weekly:
        choose(digest, "person0", WEEKLY, at(-30))
    for day in range(28):
        for hour in (9, 15, 20):
            if (day, hour) in changes:
                now = Subscription.objects.get(list=digest.list, recipient=person(digest))
                choose(digest, "person0", DAILY if now.cadence == WEEKLY else WEEKLY, at(day, hour))
            if hour == 15:
                received += send_due(relay, at(day))
            elif hour == 9 and day < 21:
                make_item(digest.list, f"of day {day}", published_at=at(day, 8))
                make_item(digest.list, f"own of day {day}", published_at=at(day, 8), recipient=person(digest))
    mine = {title: times for (who, title), times in received.items() if who == "person0"}
    assert set(mine.values()) == {1}
    assert len(mine) == 42


def begin_anew(digest: Digest) -> None:
    """As if the examples before had not been."""
    Delivery.objects.all().delete()
    Mailing.objects.all().delete()
    ConsentEvent.objects.all().delete()
    digest.list.items.all().delete()
    Digest.objects.filter(pk=digest.pk).update(checked_through=MORNING)
    Subscription.objects.update(cadence=DAILY)


def person(digest: Digest) -> Recipient:
    return Recipient.objects.get(email="person0@example.org")


def test_the_same_link_on_three_lists_comes_once(template: EmailTemplate, relay: FakeRelay):
    for slug in ("one", "two", "three"):
        mailing_list = make_list(slug)
        for name in ("everywhere", f"only-{slug}"):
            subscribe(mailing_list, f"{name}@example.org")
        make_digest(mailing_list, template)
        make_item(mailing_list, f"shared, says {slug}", url="https://example.org/the-same")
        make_item(mailing_list, f"of {slug}", url=f"https://example.org/{slug}")
    got = send_due(relay, at(0))
    assert {title for who, title in got if who == "everywhere"} == {"shared, says one", "of one", "of two", "of three"}
    for slug in ("one", "two", "three"):
        assert got[f"only-{slug}", f"shared, says {slug}"] == 1
    assert set(got.values()) == {1}


def test_who_had_all_of_it_on_another_list_gets_no_empty_mail_and_the_preview_says_so(
    template: EmailTemplate, relay: FakeRelay
):
    for slug in ("one", "two"):
        mailing_list = make_list(slug)
        subscribe(mailing_list, "everywhere@example.org")
        make_digest(mailing_list, template)
        make_item(mailing_list, slug, url="https://example.org/the-same")
    assert send_due(relay, at(0)) == {("everywhere", "one"): 1}
    second = Digest.objects.get(slug="two")
    Mailing.objects.filter(digest=second).delete()
    everywhere = Recipient.objects.get()
    assert draft_digest(second, everywhere, at(0)).items == []
    assert [item["title"] for item in draft_digest(second, None, at(0)).items] == ["two"]


def test_what_a_pause_on_one_list_keeps_back_comes_with_the_other(template: EmailTemplate, relay: FakeRelay):
    lists = [make_list(slug) for slug in ("one", "two")]
    for mailing_list in lists:
        subscribe(mailing_list, "both@example.org")
        make_digest(mailing_list, template)
        make_item(mailing_list, mailing_list.slug, url="https://example.org/the-same")
    Subscription.objects.filter(list=lists[0]).update(paused_until=at(30))
    planned = plan_due(at(0))
    for mailing in reversed(planned):  # the first list's mail still waits when the second is sent
        send_range(Range(mailing.pk, 0, 2**62), uuid4(), lambda: at(0))
    assert read(relay) == {("both", "two"): 1}


def test_a_mailing_waits_until_an_earlier_one_with_the_same_link_is_planned(
    template: EmailTemplate, relay: FakeRelay, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("mailer.scheduling.planning.FIRST_PART", 1)
    for slug in ("one", "two"):
        mailing_list = make_list(slug, people=2)
        make_digest(mailing_list, template)
        make_item(mailing_list, slug, url="https://example.org/the-same")
    (first,) = plan_due(at(0))
    assert not plan_due(at(0))
    complete(first.pk)
    (second,) = plan_due(at(0))
    assert (first.list.slug, second.list.slug) == ("one", "two")
