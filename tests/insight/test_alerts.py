"""The admins are told once that something is wrong, and once that it is over, by however many workers."""

import socket
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail
from django.db import connection
from django.utils import timezone
from pytest_django.fixtures import Settings

from mailer.insight.alerts import CALM, note_problems, tell_admins
from mailer.insight.problems import Problem
from mailer.models import Alert

NOW = datetime(2026, 11, 23, 15, 10, tzinfo=UTC)
BEAT = Problem("beat", "Beat is silent", "It rang last at 15:00.", NOW - timedelta(minutes=10))
MISSED = Problem("missed 1 2026-11-23", "Daily news was missed", "Too late.", NOW - timedelta(hours=7), has_end=False)
LATER = NOW + CALM + timedelta(seconds=1)


@pytest.fixture(autouse=True)
def somebody_to_tell(settings: Settings) -> None:
    settings.ADMINS = [("Ops", "ops@example.org")]


def subjects() -> list[str]:
    return [message.subject.removeprefix("[Afternoon Post] ") for message in mail.outbox]


def look(problems: list[Problem], now: datetime) -> None:
    note_problems(problems, now)
    tell_admins(now)


def test_a_problem_is_told_once_and_so_is_its_end(db: None):
    look([BEAT], NOW)
    look([BEAT], NOW + timedelta(seconds=30))
    look([], NOW + timedelta(minutes=3))
    look([], NOW + timedelta(minutes=4))
    assert subjects() == ["Beat is silent", "Over: Beat is silent"]
    assert "It rang last at 15:00." in mail.outbox[0].body
    assert "https://post.example.org/admin/" in mail.outbox[0].body
    assert "10 min 30 s" in mail.outbox[1].body
    alert = Alert.objects.get()
    assert (alert.since, alert.ended_at) == (BEAT.since, NOW + timedelta(seconds=30))


def test_what_comes_back_at_once_is_the_same_problem(db: None):
    look([BEAT], NOW)
    look([], NOW + timedelta(seconds=30))
    look([BEAT], NOW + timedelta(seconds=60))
    look([BEAT], LATER)
    assert subjects() == ["Beat is silent"]
    assert Alert.objects.get().ended_at is None


def test_what_comes_back_later_is_a_new_one(db: None):
    for problems, minutes in (([BEAT], 0), ([], 5), ([BEAT], 60)):
        look(problems, NOW + timedelta(minutes=minutes))
    assert subjects() == ["Beat is silent", "Over: Beat is silent", "Beat is silent"]


def test_an_event_has_no_end_to_tell(db: None):
    look([MISSED], NOW)
    look([], LATER)
    look([], LATER + timedelta(minutes=5))
    assert subjects() == ["Daily news was missed"]


def test_what_the_mail_server_did_not_take_is_told_when_it_does_and_says_that_it_is_over(db: None, settings: Settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        settings.EMAIL_HOST, settings.EMAIL_PORT = nobody.getsockname()
        look([BEAT, MISSED], NOW)
    assert not Alert.objects.exclude(told_at=None).exists()
    look([], LATER)
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    look([], LATER + timedelta(minutes=1))
    look([], LATER + timedelta(minutes=2))
    assert subjects() == ["Over: Beat is silent", "Daily news was missed"]


def test_without_anybody_to_tell_the_alert_is_in_the_admin_all_the_same(db: None, settings: Settings):
    settings.ADMINS = []
    look([BEAT], NOW)
    assert Alert.objects.get().told_at is None
    assert mail.outbox == []


@pytest.mark.django_db(transaction=True)
def test_many_workers_that_notice_at_once_tell_once():
    def notice(number: int) -> None:
        try:
            look([BEAT, MISSED], timezone.now())
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as workers:
        list(workers.map(notice, range(16)))
    assert sorted(subjects()) == ["Beat is silent", "Daily news was missed"]
    assert Alert.objects.open().count() == 2
