"""Suppressing an address and lifting it: nothing is forgotten, and nothing goes out before."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User

from mailer.audience.suppressions import lift_suppression, suppress
from mailer.models import LiftedSuppression, Suppression
from tests.build import MORNING

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def test_an_address_that_is_suppressed_already_stays_so_for_the_first_reason():
    first = suppress(Suppression(email="Ada@example.org", reason="hard_bounce", note="550"), MORNING)
    again = suppress(Suppression(email="ada@example.org", note="asked by phone"), MORNING)
    assert again == first
    assert Suppression.objects.get().reason == "hard_bounce"


def test_one_that_has_expired_becomes_history_and_the_new_one_holds():
    Suppression.objects.create(email="ada@example.org", reason="soft_bounces", expires_at=MORNING - DAY)
    suppress(Suppression(email="ada@example.org", reason="hard_bounce"), MORNING)
    assert [held.reason for held in Suppression.objects.effective(MORNING)] == ["hard_bounce"]
    old = LiftedSuppression.objects.get()
    assert (old.reason, old.lifted_at, old.lift_note) == ("soft_bounces", MORNING - DAY, "It had expired.")


def test_a_bounce_for_good_outlasts_a_suppression_for_a_while():
    suppress(Suppression(email="ada@example.org", note="on holiday", expires_at=MORNING + DAY), MORNING)
    suppress(Suppression(email="ada@example.org", reason="hard_bounce", note="550"), MORNING)
    assert [held.note for held in Suppression.objects.effective(MORNING + 9 * DAY)] == ["550"]
    suppress(Suppression(email="ada@example.org", expires_at=MORNING + DAY), MORNING)
    assert Suppression.objects.get().note == "550"
    assert LiftedSuppression.objects.get().lift_note == "A longer one took its place."


def test_who_lifted_a_suppression_when_and_why_is_kept():
    anna = User.objects.create_user("anna")
    held = suppress(Suppression(email="ada@example.org", note="550 5.1.1", reason="hard_bounce"), MORNING)
    number = held.pk
    lift_suppression(held, "her provider had a bad day", anna, MORNING + DAY)
    assert not Suppression.objects.exists()
    kept = LiftedSuppression.objects.get()
    assert (kept.pk, kept.email, kept.reason, kept.note) == (number, "ada@example.org", "hard_bounce", "550 5.1.1")
    assert (kept.lifted_by, kept.lifted_at, kept.lift_note) == (anna, MORNING + DAY, "her provider had a bad day")
