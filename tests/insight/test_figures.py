"""The dashboard's figures: mails by the hour, what waits, and what today brings."""

from datetime import UTC, datetime, time, timedelta

import pytest

from mailer.insight.backlog import backlog
from mailer.insight.hours import Hour, failure_share, last_hours
from mailer.insight.today import Line, day_of, todays_lines
from mailer.models import Delivery, Digest, Mailing, Tally
from mailer.scheduling.planning import plan_digest
from mailer.scheduling.schedules import Schedule, set_paused
from tests.build import make_digest, make_item, make_list

THREE = datetime(2026, 11, 23, 15, tzinfo=UTC)


def mailing_of(digest: Digest, due: datetime, **values: object) -> Mailing:
    defaults = {"kind": "digest", "digest": digest, "list": digest.list, "version": digest.template.version_to_send()}
    return Mailing.objects.create(scheduled_for=due, **(defaults | values))


def lines_at(now: datetime, to_come: list[tuple[Digest, datetime]] | None = None) -> list[Line]:
    return todays_lines(to_come or [], now, now - timedelta(minutes=5))


def test_hours_without_mail_are_there_and_corrections_count(db: None):
    Tally.objects.create(hour=THREE, sent=500, failed=2, uncertain=3)
    Tally.objects.create(hour=THREE, sent=3, uncertain=-3)
    Tally.objects.create(hour=THREE - timedelta(hours=30), sent=9)
    hours = last_hours(THREE + timedelta(minutes=59))
    assert [len(hours), hours[0].start] == [24, THREE - timedelta(hours=23)]
    assert hours[-1] == Hour(THREE, sent=503, failed=2)
    assert sum(hour.sent for hour in hours[:-1]) == 0
    assert failure_share(hours) == pytest.approx(2 / 505)
    assert failure_share(hours[:-1]) is None


def test_the_backlog_is_what_open_mailings_still_owe(digest: Digest, now: datetime):
    assert backlog(now).waiting == 0
    assert backlog(now).oldest is None
    make_item(digest.list)
    (mailing,) = plan_digest(digest.pk, THREE)
    paused = mailing_of(digest, THREE - timedelta(days=1), status="paused", planned=10, sent=4)
    first, second, third = mailing.deliveries.order_by("pk")
    Delivery.objects.filter(pk=first.pk).update(status="sent")
    Delivery.objects.filter(pk=second.pk).update(next_attempt_at=THREE + timedelta(hours=1))
    Mailing.objects.filter(pk=mailing.pk).update(sent=1)
    found = backlog(THREE + timedelta(minutes=1))
    assert (found.waiting, found.held, found.later, found.oldest) == (2, 6, 1, mailing)
    Delivery.objects.filter(pk__in=[second.pk, third.pk]).update(status="cancelled")
    assert backlog(THREE + timedelta(minutes=1)).oldest is None
    assert paused.status == "paused"


@pytest.mark.parametrize(
    ("values", "state", "words"),
    [
        ({"status": "done", "planned": 60, "sent": 58, "skipped": 2}, "done", "58 of 60 mails sent, on time"),
        ({"status": "sending", "planned": 60, "sent": 5, "failed": 2}, "sending", "5 of 60 mails sent, 2 failed"),
        ({"status": "missed", "reason": "nothing ran"}, "missed", "nothing ran"),
        ({"status": "skipped", "reason": "nothing new"}, "skipped", "nothing new"),
    ],
)
def test_a_mailing_of_today_is_told_in_words(digest: Digest, values: dict[str, object], state: str, words: str):
    mailing = mailing_of(digest, THREE, started_at=THREE, **values)
    (line,) = lines_at(THREE + timedelta(hours=1))
    assert (line.what, line.moment, line.state, line.target) == ("News", THREE, state, mailing)
    assert line.words.startswith(words)


def test_a_digest_by_each_recipients_clock_is_one_line_with_the_worst_state(digest: Digest):
    for hour, status in enumerate(["done", "done", "missed"]):
        due = THREE + timedelta(hours=hour)
        mailing_of(digest, due, status=status, is_local=True, planned=10, sent=9 * (status == "done"))
    (line,) = lines_at(THREE + timedelta(hours=4))
    assert (line.state, line.target, line.moment) == ("missed", digest, THREE)
    assert line.words == "1 of 3 time zones missed; 18 of 30 mails sent"


def test_what_is_to_come_says_when_and_what_should_have_come_says_that(digest: Digest):
    at = [THREE - timedelta(hours=2), THREE - timedelta(minutes=1), THREE + timedelta(hours=1)]
    lines = lines_at(THREE, [(digest, moment) for moment in at])
    assert [(line.state, line.words) for line in lines] == [
        ("overdue", "1 PM passed without its run, 2 h 0 min ago"),
        ("due", "about to begin"),
        ("due", "in 1 h 0 min"),
    ]


def test_a_paused_digest_says_that_it_will_be_skipped(digest: Digest):
    set_paused(digest, True)
    (line,) = lines_at(THREE - timedelta(hours=1), [(digest, THREE)])
    assert (line.state, line.words) == ("paused", "paused: it will be skipped")


def test_yesterday_tomorrow_and_single_mails_are_not_todays(digest: Digest):
    for due in (THREE - timedelta(days=1), THREE + timedelta(days=1)):
        mailing_of(digest, due, status="done")
    Mailing.objects.create(kind="notification", version=digest.template.version_to_send(), scheduled_for=THREE)
    assert lines_at(THREE) == []
    start, end = day_of(THREE)
    assert (start, end) == (datetime(2026, 11, 23, tzinfo=UTC), datetime(2026, 11, 24, tzinfo=UTC))


def test_the_lines_are_in_the_order_of_the_day(digest: Digest, template):
    other = make_digest(make_list("other"), template, Schedule(time(9)))
    mailing_of(digest, THREE, status="done")
    lines = lines_at(THREE, [(other, THREE - timedelta(hours=6)), (other, THREE + timedelta(hours=6))])
    assert [line.moment.hour for line in lines] == [9, 15, 21]
