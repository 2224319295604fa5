"""Counting an audience: each person once, in slices that can be added up."""

from datetime import UTC, datetime, timedelta

import pytest

from mailer.audience import tally
from mailer.audience.tally import Tally, count_slice, nothing_yet, parts_of_digest, parts_of_lists
from mailer.models import EmailTemplate, Subscription, Suppression
from tests.build import make_digest, make_list, subscribe

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)


def test_who_is_on_two_lists_is_counted_with_the_first():
    first, second = make_list("first", people=3), make_list("second")
    for number in range(1, 5):
        subscribe(second, f"person{number}@example.org")
    parts = parts_of_lists([first, second])
    assert count_slice(parts, nothing_yet(parts), NOW).people == (3, 2)


def test_who_has_left_the_first_list_is_counted_with_the_second():
    first, second = make_list("first", people=1), make_list("second")
    subscribe(second, "person0@example.org")
    Subscription.objects.filter(list=first).update(status="unsubscribed")
    parts = parts_of_lists([first, second])
    assert count_slice(parts, nothing_yet(parts), NOW).people == (0, 1)


def test_suppressed_addresses_are_told_apart_while_they_are_suppressed():
    mailing_list = make_list("news", people=3)
    Suppression.objects.create(email="person0@example.org")
    Suppression.objects.create(email="person1@example.org", expires_at=NOW - timedelta(days=1))
    parts = parts_of_lists([mailing_list])
    counted = count_slice(parts, nothing_yet(parts), NOW)
    assert (counted.total, counted.suppressed, counted.deliverable) == (3, 1, 2)


def test_slices_add_up_however_small_they_are(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tally, "STEP", 2)
    first, second = make_list("first", people=5), make_list("second")
    for number in range(4, 8):
        subscribe(second, f"person{number}@example.org")
    Suppression.objects.create(email="person6@example.org")
    parts = parts_of_lists([first, second])
    so_far, slices = nothing_yet(parts), 0
    while not so_far.is_whole:
        so_far, slices = count_slice(parts, so_far, NOW, seconds=0), slices + 1
    assert (so_far.people, so_far.suppressed) == ((5, 3), 1)
    assert slices > 4


def test_a_place_beyond_the_end_is_the_end():
    parts = parts_of_lists([make_list("news", people=1)])
    assert count_slice(parts, Tally((0,), part=7), NOW).is_whole


def test_who_wants_one_mail_a_week_is_not_counted_for_the_digest(template: EmailTemplate):
    mailing_list = make_list("news", people=3)
    digest = make_digest(mailing_list, template)
    Subscription.objects.filter(recipient__email="person0@example.org").update(cadence="weekly")
    parts = parts_of_digest(digest)
    assert count_slice(parts, nothing_yet(parts), NOW).total == 2
