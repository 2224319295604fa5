"""What is called a problem, and what is not: pure functions of what is known."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from mailer.insight.life import Life
from mailer.insight.problems import View, find_problems
from mailer.models import Digest, Feed, Heartbeat, Mailing, RecipientList, RelayPause, WebhookEndpoint

NOW = datetime(2026, 11, 23, 15, 10, tzinfo=UTC)
YESTERDAY = NOW - timedelta(days=1)
JUST_NOW, LONG_AGO = NOW - timedelta(seconds=40), NOW - timedelta(minutes=10)


def worker(seen: datetime = JUST_NOW, stopped: datetime | None = None) -> Heartbeat:
    return Heartbeat(kind="worker", name="celery@mail-1", started_at=YESTERDAY, seen_at=seen, stopped_at=stopped)


WELL = Life([worker()], beat_started=YESTERDAY, beat_rang=JUST_NOW, beat_is_off=False, tick_ran=JUST_NOW)
UNTOUCHED = Life([], None, None, False, None)
DEPTHS = {"default": 3, "bulk": 0}


def titles(life: Life = WELL, **known: object) -> list[str]:
    view = View(life=life, depths=DEPTHS, pauses=[], missed=[], overdue=[])
    return [problem.title for problem in find_problems(replace(view, **known), NOW)]


def test_nothing_is_wrong_when_all_is_well():
    assert titles() == []


def test_nothing_is_wrong_where_nothing_was_started_yet():
    assert titles(UNTOUCHED) == []


@pytest.mark.parametrize(
    ("changed", "title"),
    [
        ({"beat_rang": LONG_AGO, "tick_ran": LONG_AGO}, "Beat is silent"),
        ({"beat_rang": None, "tick_ran": None}, "Beat is silent"),
        ({"beat_rang": None, "tick_ran": None, "beat_started": None}, "Beat is silent"),
        ({"beat_is_off": True}, "The ticks are switched off"),
        ({"tick_ran": LONG_AGO}, "No worker runs the ticks"),
        ({"tick_ran": None}, "No worker runs the ticks"),
        ({"workers": [worker(LONG_AGO)], "tick_ran": LONG_AGO}, "No worker is alive"),
        ({"workers": [worker(JUST_NOW, stopped=JUST_NOW)], "tick_ran": LONG_AGO}, "No worker is alive"),
        ({"workers": [], "tick_ran": None}, "No worker was started"),
    ],
)
def test_each_silence_has_its_own_name_and_only_that(changed: dict[str, object], title: str):
    assert titles(replace(WELL, **changed)) == [title]


def test_one_worker_that_lives_is_enough():
    assert titles(replace(WELL, workers=[worker(LONG_AGO), worker()])) == []


def test_a_broker_that_does_not_answer_explains_why_no_tick_runs():
    assert titles(replace(WELL, tick_ran=LONG_AGO), depths=None) == ["The message broker can't be reached"]


def test_a_pause_of_the_mail_server_is_told_with_its_reason():
    pause = RelayPause(relay="mail:25", reason="535 wrong password", since=LONG_AGO)
    view = View(WELL, DEPTHS, [pause], [], [])
    (problem,) = find_problems(view, NOW)
    assert (problem.title, problem.key) == ("The mail server can't be used", "relay mail:25")
    assert "535 wrong password" in problem.text


def test_three_o_clock_that_passed_without_its_digest_is_told_in_words():
    digest = Digest(pk=7, name="Daily news", catch_up_hours=6)
    view = View(WELL, DEPTHS, [], [], overdue=[(digest, datetime(2026, 11, 23, 15, tzinfo=UTC))])
    (problem,) = find_problems(view, NOW)
    assert problem.title == "3 PM passed without Daily news"
    assert "within 6 h" in problem.text


def test_a_digest_missed_in_many_zones_is_one_problem_without_an_end():
    digest = Digest(pk=7, name="Daily news")
    due = datetime(2026, 11, 23, 3, tzinfo=UTC)
    missed = [
        Mailing(
            digest=digest, scheduled_for=due + timedelta(hours=hour), time_zone=f"Etc/GMT+{hour}", reason="nothing ran"
        )
        for hour in range(3)
    ]
    (problem,) = find_problems(View(WELL, DEPTHS, [], missed, []), NOW)
    assert (problem.title, problem.key, problem.has_end) == ("Daily news was missed", "missed 7 2026-11-23", False)
    assert "in 3 time zones" in problem.text


def test_a_month_of_missed_digests_is_one_problem():
    digest = Digest(pk=7, name="Daily news")
    missed = [
        Mailing(
            digest=digest, scheduled_for=NOW - timedelta(days=day), finished_at=NOW, time_zone="UTC", reason="it ran"
        )
        for day in range(1, 31)
    ]
    (problem,) = find_problems(View(WELL, DEPTHS, [], missed, []), NOW)
    assert "and of 29 more days until" in problem.text
    assert problem.since == NOW - timedelta(days=30)


def test_who_has_just_come_judges_nobody_by_what_was_before():
    silent = replace(WELL, beat_rang=YESTERDAY, tick_ran=YESTERDAY)
    assert titles(silent, watched_since=JUST_NOW) == []
    assert titles(silent, watched_since=LONG_AGO) == ["Beat is silent"]


def test_a_mailing_that_paused_itself_is_a_problem_until_somebody_has_decided():
    digest = Digest(pk=7, name="Daily news")
    mailing = Mailing(
        pk=5, digest=digest, scheduled_for=NOW, status="paused", sent=80, bounced=20, planned=200, alarmed_at=JUST_NOW
    )
    (problem,) = find_problems(View(WELL, DEPTHS, [], [], [], alarmed=[mailing]), NOW)
    assert (problem.key, problem.has_end, problem.since) == ("bounces 5", True, JUST_NOW)
    assert problem.title.endswith("paused itself")
    assert problem.text.startswith("20 of 100 mails that had left came back.")
    mailing.status = "sending"
    assert find_problems(View(WELL, DEPTHS, [], [], [], alarmed=[mailing]), NOW) == []
    mailing.status, mailing.finished_at = "done", NOW
    assert find_problems(View(WELL, DEPTHS, [], [], [], alarmed=[mailing]), NOW) == []


def test_many_bounces_of_a_mailing_that_had_ended_are_told_without_an_end():
    mailing = Mailing(
        pk=5, digest=Digest(name="Daily"), scheduled_for=NOW, status="done", sent=80, bounced=20, finished_at=LONG_AGO,
        alarmed_at=JUST_NOW, list=RecipientList(name="News"),
    )  # fmt: skip
    (problem,) = find_problems(View(WELL, DEPTHS, [], [], [], alarmed=[mailing]), NOW)
    assert (problem.has_end, problem.title.startswith("Many mails of Daily")) == (False, True)


def test_providers_that_block_us_are_one_problem_that_names_them():
    blocked = [(f"d{number}.example", 9 - number) for number in range(8)]
    (problem,) = find_problems(View(WELL, DEPTHS, [], [], [], blocked=blocked, blocked_since=JUST_NOW), NOW)
    assert (problem.key, problem.title, problem.since) == ("blocked", "Mail servers block our mails", JUST_NOW)
    assert "d0.example (9), d1.example (8)" in problem.text
    assert "and 3 more domains." in problem.text
    assert "nobody is suppressed" in problem.text


def test_a_feed_that_can_not_be_read_is_told_with_what_its_server_says():
    feed = Feed(pk=7, list=RecipientList(name="News"), title="Blog", problem="Its server answered 500.", failures=5)
    feed.failing_since, feed.next_at = YESTERDAY, NOW + timedelta(hours=2)
    (problem,) = find_problems(View(WELL, DEPTHS, [], [], [], feeds=[feed]), NOW)
    assert (problem.key, problem.title, problem.since) == ("feed 7", "The feed Blog can't be read", YESTERDAY)
    assert "Its server answered 500. It was tried 5 times" in problem.text


def test_a_webhook_endpoint_that_nothing_reaches_is_told_until_it_was_switched_off_and_after():
    said = "Its server answered 500."
    failing = WebhookEndpoint(pk=7, name="CRM", failing_since=YESTERDAY, problem=said)
    off = WebhookEndpoint(pk=8, name="Billing", is_enabled=False, switched_off_at=NOW, problem=said)
    view = View(life=WELL, depths=DEPTHS, pauses=[], missed=[], overdue=[], webhooks=[failing, off])
    first, second = find_problems(view, NOW)
    assert (first.key, first.title) == ("webhook 7", "The webhook endpoint CRM can't be reached")
    assert first.text == "Its server answered 500. Its events wait, and are tried again."
    assert (first.since, second.since, first.has_end) == (YESTERDAY, NOW, True)
    assert second.title == "The webhook endpoint Billing was switched off"
    assert second.text == "Its server answered 500. It gets no more events until an admin enables it."
