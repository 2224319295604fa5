"""An announcement goes once, to each person once, in the version that was looked at; or a row says why not."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from mailer.models import (
    Announcement,
    Delivery,
    EmailTemplate,
    Mailing,
    RecipientList,
    Segment,
    Subscription,
    TemplateVersion,
)
from mailer.scheduling import planning
from mailer.scheduling.announcements import (
    NotToBeSent,
    copy_announcement,
    plan_announcement,
    plan_announcements,
    schedule_announcement,
    withdraw,
)
from mailer.scheduling.planning import complete, plan_due
from mailer.templating.sandbox import TemplateError
from tests.build import make_list, subscribe

pytestmark = pytest.mark.django_db


def at(hour: int, minute: int = 0, day: int = 23) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


@pytest.fixture
def news() -> EmailTemplate:
    """A template that asks for a heading."""
    made = EmailTemplate.objects.create(slug="announcement", name="Announcement")
    add_version(made, 1, "{{ heading }}")
    return made


def add_version(template: EmailTemplate, number: int, subject: str) -> TemplateVersion:
    return TemplateVersion.objects.create(
        template=template, number=number, subject=subject, html="<p>{{ heading }}</p>", text="{{ heading }}",
        sample={"heading": "Hear"},
    )  # fmt: skip


def announce(template: EmailTemplate, *lists: RecipientList, **values: object) -> Announcement:
    made = Announcement.objects.create(name="Moved", template=template, **({"fields": {"heading": "Moved"}} | values))
    made.lists.set(lists)
    return made


def addresses(mailing: Mailing) -> list[str]:
    return sorted(delivery.recipient.email.partition("@")[0] for delivery in mailing.deliveries.all())


def test_a_draft_never_goes_by_itself(news: EmailTemplate):
    announce(news, make_list("news", people=1))
    assert plan_announcements(at(15)) == []


def test_at_its_time_it_is_planned_once(news: EmailTemplate):
    announcement = announce(news, make_list("news", people=3))
    schedule_announcement(announcement, at(15), "Europe/Berlin", None)
    assert plan_announcements(at(14, 59)) == []
    (mailing,) = plan_announcements(at(15))
    assert (mailing.planned, mailing.kind, mailing.time_zone) == (3, "announcement", "Europe/Berlin")
    assert mailing.context == {"heading": "Moved"}
    assert plan_announcements(at(15)) == plan_announcement(announcement.pk, at(16)) == []
    announcement.refresh_from_db()
    assert announcement.status == "sent"


def test_each_person_gets_it_once_from_the_first_of_their_lists(news: EmailTemplate):
    first, second = make_list("aaa", people=2), make_list("bbb")
    for number in range(1, 4):
        subscribe(second, f"person{number}@example.org")
    schedule_announcement(announce(news, second, first), at(15), "UTC", None)
    mailings = plan_announcements(at(15))
    assert [(mailing.list, addresses(mailing)) for mailing in mailings] == [
        (first, ["person0", "person1"]),
        (second, ["person2", "person3"]),
    ]


def test_the_second_list_waits_until_the_first_has_all_its_deliveries(
    news: EmailTemplate, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(planning, "FIRST_PART", 2)
    first, second = make_list("aaa", people=3), make_list("bbb")
    for number in range(2, 4):
        subscribe(second, f"person{number}@example.org")
    schedule_announcement(announce(news, first, second), at(15), "UTC", None)
    (one,) = plan_announcements(at(15))
    assert one.has_more
    assert plan_due(at(15)) == []
    complete(one.pk)
    (two,) = plan_due(at(15, 1))
    complete(two.pk)
    assert [addresses(one), addresses(two)] == [["person0", "person1", "person2"], ["person3"]]


def test_who_joins_an_earlier_list_while_it_is_planned_still_gets_it(
    news: EmailTemplate, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(planning, "FIRST_PART", 1)
    first, second = make_list("aaa", people=1), make_list("bbb")
    subscribe(second, "x@example.org")
    subscribe(second, "y@example.org")
    schedule_announcement(announce(news, first, second), at(15), "UTC", None)
    (one,) = plan_announcements(at(15))
    complete(one.pk)
    (two,) = plan_due(at(15, 1))
    for email in ("x@example.org", "y@example.org"):
        subscribe(first, email)
    complete(one.pk)
    complete(two.pk)
    assert [addresses(one), addresses(two)] == [["person0"], ["x", "y"]]


def test_who_has_a_pause_from_one_list_gets_it_through_the_other(news: EmailTemplate):
    first, second = make_list("aaa", people=2), make_list("bbb")
    subscribe(second, "person0@example.org")
    Subscription.objects.filter(list=first).update(paused_until=at(15, day=30))
    schedule_announcement(announce(news, first, second), at(15), "UTC", None)
    one, two = plan_announcements(at(15))
    assert [addresses(one), addresses(two)] == [["person1"], ["person0"]]


def test_a_segment_chooses_also_in_the_second_part(news: EmailTemplate, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(planning, "FIRST_PART", 1)
    mailing_list = make_list("news", people=1)
    for number in range(1, 4):
        subscribe(mailing_list, f"german{number}@example.org", language="de")
    segment = Segment.objects.create(name="German", list=mailing_list)
    segment.conditions.create(rule="language_is", value="de")
    schedule_announcement(announce(news, segment=segment), at(15), "UTC", None)
    (mailing,) = plan_announcements(at(15))
    complete(mailing.pk)
    assert addresses(mailing) == ["german1", "german2", "german3"]


def test_a_list_whose_people_are_all_on_an_earlier_one_says_so(news: EmailTemplate):
    first, second = make_list("aaa", people=1), make_list("bbb")
    subscribe(second, "person0@example.org")
    schedule_announcement(announce(news, first, second), at(15), "UTC", None)
    plan_announcements(at(15))
    told = Mailing.objects.get(list=second)
    assert (told.status, told.reason) == ("skipped", "nobody is on the list who is not on an earlier one")


def test_an_empty_segment_says_so(news: EmailTemplate):
    segment = Segment.objects.create(name="Nobody", list=make_list("news"))
    schedule_announcement(announce(news, segment=segment), at(15), "UTC", None)
    assert plan_announcements(at(15)) == []
    assert Mailing.objects.get().reason == "nobody is in the segment"


def test_late_it_says_so_and_too_late_it_is_missed(news: EmailTemplate):
    late, missed = announce(news, make_list("late", people=1)), announce(news, make_list("missed", people=1))
    schedule_announcement(late, at(15), "UTC", None)
    schedule_announcement(missed, at(8), "UTC", None)
    (mailing,) = plan_announcements(at(17, 10))
    assert (mailing.reason, mailing.context["late"]) == ("late by 2 h 10 min", "2 h 10 min")
    missed.refresh_from_db()
    told = missed.mailings.get()
    assert (missed.status, told.status, told.deliveries.count()) == ("missed", "missed", 0)
    assert "the catch-up window is 6 h" in told.reason


def test_what_goes_out_is_the_version_that_was_let_go(news: EmailTemplate):
    announcement = announce(news, make_list("news", people=1))
    schedule_announcement(announcement, at(15), "UTC", None)
    add_version(news, 2, "{{ heading }} and {{ something_new }}")
    (mailing,) = plan_announcements(at(15))
    assert mailing.version.number == 1


def test_it_can_be_taken_back_until_it_is_planned(news: EmailTemplate):
    announcement = announce(news, make_list("news", people=1))
    schedule_announcement(announcement, at(15), "UTC", None)
    assert withdraw(announcement)
    assert plan_announcements(at(15)) == []
    announcement.refresh_from_db()
    schedule_announcement(announcement, at(16), "UTC", None)
    plan_announcements(at(16))
    assert not withdraw(announcement)


def test_it_can_be_let_go_once_only(news: EmailTemplate):
    announcement = announce(news, make_list("news", people=1))
    schedule_announcement(announcement, at(15), "UTC", None)
    with pytest.raises(NotToBeSent, match="let go already"):
        schedule_announcement(Announcement.objects.get(pk=announcement.pk), at(16), "UTC", None)


def test_what_goes_to_nobody_or_cannot_be_filled_is_not_let_go(news: EmailTemplate):
    with pytest.raises(NotToBeSent, match="choose its lists"):
        schedule_announcement(announce(news), at(15), "UTC", None)
    with pytest.raises(TemplateError, match="heading"):
        schedule_announcement(announce(news, make_list("news"), fields={}), at(15), "UTC", None)
    assert set(Announcement.objects.values_list("status", flat=True)) == {"draft"}


def test_the_database_keeps_a_list_from_getting_it_twice(news: EmailTemplate):
    announcement = announce(news, make_list("news", people=1))
    schedule_announcement(announcement, at(15), "UTC", None)
    (mailing,) = plan_announcements(at(15))
    mailing.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        mailing.save()


def test_a_copy_is_a_draft_to_the_same_people(news: EmailTemplate):
    announcement = announce(news, make_list("news", people=1))
    schedule_announcement(announcement, at(15), "UTC", None)
    copied = copy_announcement(announcement)
    assert (copied.name, copied.status, copied.fields) == ("Moved (copy)", "draft", {"heading": "Moved"})
    assert copied.lists_in_order() == announcement.lists_in_order()


def test_a_planner_that_died_half_way_is_completed_by_the_next_tick(news: EmailTemplate):
    first, second = make_list("aaa", people=1), make_list("bbb", people=2)
    announcement = announce(news, first, second)
    schedule_announcement(announcement, at(15), "UTC", None)
    Mailing.objects.bulk_create(
        Mailing(
            kind="announcement",
            announcement=announcement,
            list=each,
            version=news.version_to_send(),
            scheduled_for=at(15),
        )
        for each in (first, second)
    )
    Announcement.objects.update(status="sent")
    assert [mailing.list for mailing in plan_due(at(15, 1))] == [first, second]
    assert Delivery.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_two_ticks_at_once_plan_it_once(news: EmailTemplate):
    announcement = announce(news, make_list("news", people=3))
    schedule_announcement(announcement, at(15) - timedelta(minutes=1), "UTC", None)
    together = threading.Barrier(2)

    def tick(_: int) -> int:
        try:
            together.wait()
            return len(plan_announcements(at(15)))
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(tick, range(2))) == [0, 1]
    assert Delivery.objects.count() == 3


def test_a_draft_of_the_template_is_not_sent(news: EmailTemplate):
    announcement = announce(news, make_list("one", people=1))
    EmailTemplate.objects.update(in_use=news.versions.get())
    add_version(news, 2, "A draft")
    schedule_announcement(announcement, at(15), "UTC", None)
    assert announcement.version.number == 1
