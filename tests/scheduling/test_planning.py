"""Occurrences become mailings: once, late, skipped or missed, and never silently."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, time, timedelta

import pytest
from django.db import connection
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask

from mailer.models import Delivery, Digest, EmailTemplate, Mailing, RecipientList, Subscription
from mailer.scheduling import planning
from mailer.scheduling.planning import NothingToSend, begin, complete, plan_digest, plan_due, plan_now
from mailer.scheduling.schedules import Schedule, set_paused, set_schedule
from mailer.sending.record import finish_mailing
from mailer.sending.wakeups import waiting_mailings
from tests.build import make_digest, make_item, make_list, subscribe

pytestmark = pytest.mark.django_db


def at(hour: int, minute: int = 0, day: int = 23) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


def told() -> list[tuple[str, str]]:
    return list(Mailing.objects.order_by("scheduled_for", "pk").values_list("status", "reason"))


def test_at_three_everybody_on_the_list_is_planned_once(digest: Digest):
    make_item(digest.list)
    assert plan_due(at(14, 59)) == []
    (mailing,) = plan_due(at(15))
    assert (mailing.scheduled_for, mailing.planned, mailing.status) == (at(15), 3, "sending")
    assert plan_due(at(15)) == plan_due(at(15, 1)) == []
    assert Delivery.objects.count() == 3


def test_a_digest_fired_twice_is_planned_once(digest: Digest):
    make_item(digest.list)
    plan_digest(digest.pk, at(15))
    Digest.objects.update(checked_through=at(14))
    plan_digest(digest.pk, at(15))
    assert told() == [("sending", "")]


def test_nothing_new_is_skipped_with_the_reason(digest: Digest):
    assert plan_due(at(15)) == []
    assert told() == [("skipped", "nothing new since the last digest")]


def test_an_item_is_in_one_digest_only(digest: Digest):
    make_item(digest.list, "one")
    (first,) = plan_due(at(15))
    make_item(digest.list, "two", published_at=at(8, 0))  # told late, dated before the first digest
    (second,) = plan_due(at(15, day=24))
    assert [entry.item.title for entry in first.mailing_items.all()] == ["one"]
    assert [entry.item.title for entry in second.mailing_items.all()] == ["two"]


def test_items_of_the_future_and_hidden_ones_wait(digest: Digest):
    make_item(digest.list, "tomorrow", published_at=at(9, day=24))
    make_item(digest.list, "hidden", is_hidden=True)
    plan_due(at(15))
    assert told() == [("skipped", "nothing new since the last digest")]


def test_down_over_three_is_sent_late_and_says_so(digest: Digest):
    make_item(digest.list)
    (mailing,) = plan_due(at(17, 10))
    assert (mailing.reason, mailing.context["late"]) == ("late by 2 h 10 min", "2 h 10 min")


def test_beyond_the_catch_up_window_is_missed_with_the_reason(digest: Digest):
    make_item(digest.list)
    assert plan_due(at(21, 30)) == []
    ((status, reason),) = told()
    assert status == "missed"
    assert reason == "nothing ran until 23 Nov 2026 21:30 UTC, 6 h 30 min late; the catch-up window is 6 h"


def test_a_pause_is_recorded_and_the_next_occurrence_after_it_goes_out(digest: Digest):
    make_item(digest.list)
    set_paused(digest, True)
    plan_due(at(15))
    plan_due(at(15, day=24))
    set_paused(digest, False)
    assert plan_due(at(13, 30, day=25)) == []
    assert len(plan_due(at(15, day=25))) == 1
    assert told() == [("skipped", "the digest was paused")] * 2 + [("sending", "")]


def test_an_edit_at_the_last_minute_counts(digest: Digest):
    make_item(digest.list)
    plan_due(at(14, 59))
    set_schedule(digest, Schedule(time(16)))
    assert plan_due(at(15)) == []
    assert len(plan_due(at(16))) == 1


def test_an_edit_to_a_time_gone_by_waits_for_tomorrow(digest: Digest):
    make_item(digest.list)
    assert len(plan_due(at(15))) == 1
    make_item(digest.list, "more")
    plan_due(at(15, 1))
    set_schedule(digest, Schedule(time(14)))
    assert plan_due(at(15, 2)) == []
    assert len(plan_due(at(14, day=24))) == 1


def test_a_clock_that_steps_back_sends_nothing_again(digest: Digest):
    make_item(digest.list)
    plan_due(at(15, 5))
    make_item(digest.list, "more")
    assert plan_due(at(14, 5)) == []
    assert plan_due(at(15)) == []
    assert plan_due(at(15, 30)) == []
    assert len(plan_due(at(15, day=24))) == 1


def test_a_clock_that_ran_ahead_does_not_silence_the_digest(digest: Digest):
    make_item(digest.list)
    plan_due(at(12, day=23) + timedelta(days=365))
    make_item(digest.list, "more")
    assert plan_due(at(14, 59, day=23)) == []
    assert len(plan_due(at(15, day=23))) == 1


def test_each_zone_in_use_has_its_own_three_oclock(template: EmailTemplate):
    mailing_list = make_list("news")
    for email, zone in [("a@example.org", "Asia/Tokyo"), ("b@example.org", "Europe/Berlin"), ("c@example.org", "")]:
        subscribe(mailing_list, email, time_zone=zone)
    make_digest(mailing_list, template, in_recipients_zone=True)
    make_item(mailing_list)
    Digest.objects.update(checked_through=at(5))
    found = {}
    for hour in range(6, 24):
        for mailing in plan_due(at(hour)):
            found[mailing.time_zone] = (mailing.scheduled_for, [d.recipient.email for d in mailing.deliveries.all()])
    assert found == {
        "Asia/Tokyo": (at(6), ["a@example.org"]),
        "Europe/Berlin": (at(14), ["b@example.org"]),
        "UTC": (at(15), ["c@example.org"]),
    }


def test_a_planner_that_died_half_way_is_completed_by_the_next_tick(digest: Digest, mailing_list: RecipientList):
    make_item(digest.list)
    mailing = Mailing.objects.create(
        kind="digest", digest=digest, list=mailing_list, version=digest.template.version_to_send(), scheduled_for=at(14)
    )
    assert plan_due(at(14, 30)) == [mailing]
    assert mailing.deliveries.count() == 3
    assert not begin(mailing, at(14, 31))


def test_a_digest_whose_schedule_cannot_be_read_does_not_stop_the_others(digest: Digest, template: EmailTemplate):
    other = make_digest(make_list("other", people=1), template)
    make_item(other.list)
    CrontabSchedule.objects.filter(pk=digest.periodic_task.crontab.pk).update(day_of_week="31")
    set_schedule(other, Schedule(time(15), "mon-sun"))
    assert [mailing.digest for mailing in plan_due(at(15))] == [other]


def test_a_list_with_nobody_on_it_is_skipped(template: EmailTemplate):
    digest = make_digest(make_list("empty"), template)
    make_item(digest.list)
    plan_due(at(15))
    assert told() == [("skipped", "nobody is on the list")]
    make_item(digest.list)
    with pytest.raises(NothingToSend, match="nobody"):
        plan_now(digest, at(16))


def test_now_is_a_mailing_of_its_own_and_the_same_key_the_same_one(digest: Digest):
    make_item(digest.list)
    mailing = plan_now(digest, at(12), key="demo")
    assert plan_now(digest, at(13), key="demo") == mailing
    with pytest.raises(NothingToSend, match="nothing new"):
        plan_now(digest, at(13))
    assert Mailing.objects.count() == 1


def test_a_periodic_task_added_by_hand_becomes_the_digests_schedule(digest: Digest):
    nine = CrontabSchedule.objects.create(minute="0", hour="9", timezone="UTC")
    by_hand = PeriodicTask.objects.create(
        name="by hand", task="mailer.tasks.send_digest", crontab=nine, args=f'["{digest.slug}"]'
    )
    digest.refresh_from_db()
    assert digest.periodic_task == by_hand
    assert PeriodicTask.objects.filter(task="mailer.tasks.send_digest").count() == 1
    make_item(digest.list)
    (mailing,) = plan_due(at(15))
    assert mailing.scheduled_for == at(9)


def test_a_periodic_task_that_names_a_list_makes_its_digest(mailing_list: RecipientList, template: EmailTemplate):
    three = CrontabSchedule.objects.create(minute="0", hour="15", timezone="UTC")
    PeriodicTask.objects.create(name="by hand", task="mailer.tasks.send_digest", crontab=three, args='["news"]')
    digest = Digest.objects.get()
    assert (digest.slug, digest.list, digest.template) == ("news", mailing_list, template)
    set_schedule(digest, Schedule(time(15)))
    assert PeriodicTask.objects.filter(task="mailer.tasks.send_digest").count() == 1


def test_a_long_list_is_planned_in_two_parts_and_nobody_twice(
    digest: Digest, mailing_list: RecipientList, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(planning, "FIRST_PART", 2)
    make_item(digest.list)
    (mailing,) = plan_due(at(15))
    assert (mailing.planned, mailing.has_more, mailing.status) == (2, True, "sending")
    mailing.deliveries.update(status="sent")
    assert not finish_mailing(mailing.pk, at(15))
    assert waiting_mailings(at(15, 1)) == [mailing.pk]
    for _ in range(2):
        complete(mailing.pk)
    mailing.refresh_from_db()
    assert (mailing.planned, mailing.has_more, mailing.deliveries.count()) == (3, False, 3)


def test_who_comes_between_the_two_parts_is_in_the_second(
    digest: Digest, mailing_list: RecipientList, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(planning, "FIRST_PART", 2)
    earliest = mailing_list.subscriptions.earliest("recipient_id")
    earliest.delete()
    subscribe(mailing_list, "one@example.org")
    make_item(digest.list)
    (mailing,) = plan_due(at(15))
    Subscription.objects.create(list=mailing_list, recipient_id=earliest.recipient_id)
    subscribe(mailing_list, "two@example.org")
    complete(mailing.pk)
    planned = set(mailing.deliveries.values_list("recipient_id", flat=True))
    assert planned == set(mailing_list.subscriptions.values_list("recipient_id", flat=True))
    assert mailing.deliveries.count() == 5


@pytest.mark.django_db(transaction=True)
def test_two_who_plan_the_rest_at_once_plan_it_once(
    digest: Digest, mailing_list: RecipientList, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(planning, "FIRST_PART", 2)
    for number in range(200):
        subscribe(mailing_list, f"more{number}@example.org")
    make_item(digest.list)
    (mailing,) = plan_due(at(15))
    together = threading.Barrier(2)

    def plan_the_rest() -> None:
        try:
            together.wait()
            complete(mailing.pk)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(plan_the_rest) for _ in range(2)]:
            done.result()
    mailing.refresh_from_db()
    assert (mailing.planned, mailing.has_more, mailing.deliveries.count()) == (203, False, 203)


def test_the_rest_is_not_planned_into_a_mailing_that_is_over(digest: Digest, mailing_list: RecipientList):
    make_item(digest.list)
    (mailing,) = plan_due(at(15))
    mailing.deliveries.update(status="sent")
    assert finish_mailing(mailing.pk, at(15))
    subscribe(mailing_list, "late@example.org")
    complete(mailing.pk)
    assert mailing.deliveries.count() == 3


def test_items_that_nobody_saw_are_in_the_next_digest(template: EmailTemplate):
    digest = make_digest(make_list("empty"), template)
    make_item(digest.list, "waits")
    plan_due(at(15))
    subscribe(digest.list, "first@example.org")
    (mailing,) = plan_due(at(15, day=24))
    assert [entry.item.title for entry in mailing.mailing_items.all()] == ["waits"]


def test_a_periodic_task_that_rings_by_the_second_is_not_taken_as_a_schedule(digest: Digest):
    often = IntervalSchedule.objects.create(every=10, period="seconds")
    before = digest.periodic_task
    PeriodicTask.objects.create(name="often", task="mailer.tasks.send_digest", interval=often, args='["news"]')
    digest.refresh_from_db()
    assert digest.periodic_task == before


def test_a_periodic_task_that_is_given_to_another_digest_leaves_its_own_without_one(
    digest: Digest, template: EmailTemplate
):
    other = make_digest(make_list("other"), template)
    task = digest.periodic_task
    task.args = '["other"]'
    task.save()
    digest.refresh_from_db()
    other.refresh_from_db()
    assert (digest.periodic_task, other.periodic_task) == (None, task)


def test_a_start_an_expiry_and_another_task_are_respected(digest: Digest):
    make_item(digest.list)
    task = digest.periodic_task
    for changes in ({"start_time": at(16)}, {"start_time": None, "expires": at(14)}, {"expires": None, "task": "x"}):
        PeriodicTask.objects.filter(pk=task.pk).update(**changes)
        Digest.objects.update(checked_through=at(8))
        assert plan_due(at(15)) == []
    PeriodicTask.objects.filter(pk=task.pk).update(task="mailer.tasks.send_digest")
    Digest.objects.update(checked_through=at(8))
    assert len(plan_due(at(15))) == 1


@pytest.mark.django_db(transaction=True)
def test_asked_for_twice_at_once_the_items_go_into_one_mailing(digest: Digest):
    make_item(digest.list)
    together = threading.Barrier(2)

    def ask(minute: int) -> str:
        try:
            together.wait()
            return str(plan_now(digest, at(12, minute)).status)
        except NothingToSend:
            return "nothing"
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        said = [pool.submit(ask, minute) for minute in range(2)]
    assert sorted(future.result() for future in said) == ["nothing", "sending"]
