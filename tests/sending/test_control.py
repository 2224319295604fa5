"""What staff do to a mailing: it holds beside running workers, the sums stay right, and twice is as good as once."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from email import message_from_bytes
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone

from mailer.models import Attempt, Claim, Delivery, Digest, LiftedSuppression, Mailing, Suppression
from mailer.scheduling import planning
from mailer.scheduling.planning import complete, plan_now
from mailer.sending import control
from mailer.sending.batch import send_range
from mailer.sending.claim import Range
from mailer.sending.control import (
    Decider,
    cancel_mailing,
    decide_uncertain,
    failed_of,
    pause_mailing,
    resume_mailing,
    retry_failed,
)
from mailer.sending.message_id import message_id
from mailer.sending.notes import settle
from mailer.sending.outcomes import Kind, Outcome
from mailer.sending.record import finish_mailing, reconcile, record
from mailer.sending.wakeups import finished_mailings
from tests.build import make_item, subscribe
from tests.fake_relay import DROP, FakeRelay

pytestmark = pytest.mark.django_db

PEOPLE = 12


@pytest.fixture
def mailing(digest: Digest) -> Mailing:
    for number in range(3, PEOPLE):
        subscribe(digest.list, f"person{number}@example.org")
    make_item(digest.list, "The harbour is open")
    return plan_now(digest, timezone.now())


@pytest.fixture
def ada(now: datetime) -> Decider:
    return Decider("ada", now)


def send(mailing: Mailing, clock: Callable[[], datetime] = timezone.now) -> dict[str, object]:
    summary = send_range(Range(mailing.pk, 0, 2**62), uuid4(), clock)
    check_sums(mailing)
    return summary


def check_sums(mailing: Mailing) -> None:
    """The mailing's sums, as they were kept up, are its rows."""
    mailing.refresh_from_db()
    kept = Mailing.objects.filter(pk=mailing.pk).values().get()
    reconcile(mailing.pk)
    assert Mailing.objects.filter(pk=mailing.pk).values().get() == kept
    assert mailing.planned == PEOPLE


def ids(mailing: Mailing, status: str) -> list[int]:
    return list(mailing.deliveries.filter(status=status).values_list("pk", flat=True))


def hurried() -> Callable[[], datetime]:
    """A clock in which two seconds pass each time it is asked."""
    moments: Iterator[datetime] = (timezone.now() + timedelta(seconds=2 * number) for number in range(10_000))
    return lambda: next(moments)


def after_mails(relay: FakeRelay, number: int, action: Callable[[], object]) -> None:
    """Do something while the worker waits for the answer to its mail of this number."""
    seen = [0]

    def rule(step: str, who: str) -> None:
        seen[0] += step == "DOT"
        if step == "DOT" and seen[0] == number:
            action()
            connection.close()  # it is this thread's own, and nobody else would

    relay.rules.append(rule)


@pytest.mark.parametrize(
    ("stop", "status"),
    [
        (lambda mailing, ada: pause_mailing(mailing.pk), "paused"),
        (lambda mailing, ada: cancel_mailing(mailing.pk, ada), "cancelled"),
    ],
)
@pytest.mark.django_db(transaction=True)
def test_a_worker_that_holds_the_rest_gives_it_back_at_its_next_heartbeat(
    mailing: Mailing, relay: FakeRelay, settings, ada: Decider, stop: Callable[..., bool], status: str
):
    settings.RELAY = relay.address(connections=1)
    after_mails(relay, 3, lambda: stop(mailing, ada))
    summary = send(mailing, hurried())
    assert summary["halted"] == f"the mailing is {status}"
    assert 3 <= len(relay.received) <= 5
    assert mailing.sent == len(relay.received)
    waiting = {"paused": "queued"}.get(status, status)
    assert set(mailing.deliveries.exclude(status="sent").values_list("status", flat=True)) == {waiting}
    assert not Claim.objects.exists()


def test_what_is_done_is_seen_while_the_group_is_still_under_way(mailing: Mailing, relay: FakeRelay, settings):
    settings.RELAY = relay.address(connections=1)
    seen: list[int] = []
    clock = hurried()

    def look() -> datetime:
        seen.append(Mailing.objects.values_list("sent", flat=True).get(pk=mailing.pk))
        return clock()

    send(mailing, look)
    assert len(set(seen)) > PEOPLE / 2


def test_a_paused_mailing_goes_on_where_it_stopped(mailing: Mailing, relay: FakeRelay, now: datetime):
    assert pause_mailing(mailing.pk)
    assert not pause_mailing(mailing.pk)
    send(mailing)
    assert relay.received == []
    assert resume_mailing(mailing.pk, now)
    assert not resume_mailing(mailing.pk, now)
    send(mailing)
    assert (mailing.status, len(relay.received)) == ("done", PEOPLE)
    assert not pause_mailing(mailing.pk)


def test_a_mailing_whose_last_mail_left_before_the_pause_held_ends_when_it_is_resumed(mailing: Mailing, now: datetime):
    pause_mailing(mailing.pk)
    mailing.deliveries.update(status="sent")
    assert resume_mailing(mailing.pk, now)
    check_sums(mailing)
    assert (mailing.status, mailing.finished_at, mailing.sent) == ("done", now, PEOPLE)


def test_cancelling_leaves_a_state_and_a_reason_for_everybody(
    mailing: Mailing, relay: FakeRelay, ada: Decider, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("mailer.sending.cancelling.STEP", 5)
    relay.answer("RCPT", "450 4.2.0 Later", to="person1@example.org")
    send(mailing)
    assert cancel_mailing(mailing.pk, ada)
    assert not cancel_mailing(mailing.pk, ada)
    assert finished_mailings() == [mailing.pk]
    assert finish_mailing(mailing.pk, ada.now)
    assert not finish_mailing(mailing.pk, ada.now)
    check_sums(mailing)
    assert (mailing.status, mailing.finished_at, mailing.reason) == ("cancelled", ada.now, "cancelled by ada")
    assert (mailing.sent, mailing.cancelled) == (PEOPLE - 1, 1)
    cancelled = mailing.deliveries.get(status="cancelled")
    assert (cancelled.reason, cancelled.next_attempt_at) == ("cancelled", None)
    assert finished_mailings() == []


def test_a_mailing_that_is_cancelled_in_many_steps_is_cancelled_whole(
    mailing: Mailing, ada: Decider, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("mailer.sending.cancelling.STEP", 5)
    cancel_mailing(mailing.pk, ada)
    finish_mailing(mailing.pk, ada.now)
    check_sums(mailing)
    assert mailing.cancelled == PEOPLE


def test_a_mail_in_hand_ends_before_its_cancelled_mailing_does(mailing: Mailing, ada: Decider):
    in_hand = mailing.deliveries.earliest("pk").pk
    claim = Claim.objects.create(
        mailing=mailing, first=in_hand, last=in_hand + 1, made_at=ada.now, until=ada.now, task_id=uuid4()
    )
    cancel_mailing(mailing.pk, ada)
    assert not finish_mailing(mailing.pk, ada.now)
    check_sums(mailing)
    assert (mailing.cancelled, mailing.waiting, mailing.settled) == (PEOPLE - 2, 2, False)
    record(mailing.pk, [settle(Outcome(in_hand, Kind.SENT, 250), ada.now, claim)], ended=[claim])
    assert finished_mailings() == [mailing.pk]
    assert finish_mailing(mailing.pk, ada.now)
    check_sums(mailing)
    assert (mailing.sent, mailing.cancelled, mailing.settled) == (1, PEOPLE - 1, True)


def test_what_is_retried_while_its_old_claim_still_holds_is_not_taken_for_that_claims(mailing: Mailing, ada: Decider):
    first = mailing.deliveries.earliest("pk").pk
    before = ada.now - timedelta(seconds=1)
    claim = Claim.objects.create(
        mailing=mailing,
        first=first,
        last=first + 1,
        made_at=before,
        until=ada.now + timedelta(minutes=9),
        task_id=uuid4(),
    )
    refused = settle(Outcome(first, Kind.PERMANENT, 550, "No"), before, claim)
    record(mailing.pk, [refused])
    retry_failed([first], ada)
    record(mailing.pk, [refused])
    check_sums(mailing)
    assert (mailing.failed, mailing.waiting) == (0, PEOPLE)
    assert not Delivery.objects.held(claim).filter(pk=first).exists()


def test_what_comes_back_to_a_cancelled_mailing_that_had_finished_is_cancelled_too(mailing: Mailing, ada: Decider):
    cancel_mailing(mailing.pk, ada)
    finish_mailing(mailing.pk, ada.now)
    Delivery.objects.filter(pk=mailing.deliveries.earliest("pk").pk).update(status="queued")
    reconcile(mailing.pk)
    assert finished_mailings() == [mailing.pk]
    finish_mailing(mailing.pk, ada.now)
    check_sums(mailing)
    assert mailing.cancelled == PEOPLE


def test_nobody_is_planned_any_more_for_a_mailing_that_was_cancelled(
    mailing: Mailing, ada: Decider, monkeypatch: pytest.MonkeyPatch
):
    subscribe(mailing.list, "late@example.org")
    insert = planning.insert_deliveries

    def insert_while_it_is_cancelled(wanted: Mailing) -> int:
        made = insert(wanted)
        cancel_mailing(mailing.pk, ada)
        return made

    Mailing.objects.filter(pk=mailing.pk).update(has_more=True)
    monkeypatch.setattr(planning, "insert_deliveries", insert_while_it_is_cancelled)
    complete(mailing.pk)
    mailing.refresh_from_db()
    # Both happen in the test's one connection, so the rollback takes the cancellation with it; the rows are what counts.
    assert mailing.deliveries.count() == PEOPLE


def test_what_failed_is_sent_when_it_is_retried_and_nothing_else_is(mailing: Mailing, relay: FakeRelay, ada: Decider):
    for number, reply in enumerate(["550 5.7.1 Blocked", "554 5.6.0 No", "550 5.1.1 unknown"]):
        relay.answer("RCPT", reply, to=f"person{number}@example.org", times=1)
    relay.answer("DOT", DROP, to="person3@example.org", times=1)
    send(mailing)
    assert (mailing.status, mailing.failed, mailing.uncertain) == ("done", 3, 1)
    everything = list(mailing.deliveries.values_list("pk", flat=True))
    assert retry_failed(everything, ada) == {mailing.pk: 3}
    assert retry_failed(everything, ada) == {}
    check_sums(mailing)
    assert (mailing.status, mailing.finished_at, mailing.failed, mailing.waiting) == ("sending", None, 0, 3)
    send(mailing, lambda: ada.now + timedelta(seconds=1))
    assert (mailing.status, mailing.sent, mailing.uncertain) == ("done", PEOPLE - 2, 1)
    skipped = mailing.deliveries.get(status="skipped")
    assert (skipped.recipient.email, skipped.reason) == ("person2@example.org", "suppressed")
    assert len(relay.received) == len(set(relay.recipients()))


def test_the_story_keeps_the_attempts_and_who_decided(mailing: Mailing, relay: FakeRelay, ada: Decider):
    relay.answer("RCPT", "550 5.7.1 Blocked", to="person1@example.org")
    send(mailing)
    failed = ids(mailing, "failed")
    retry_failed(failed, ada)
    send(mailing, lambda: ada.now + timedelta(seconds=1))
    told = Attempt.objects.filter(delivery__in=failed).values_list("outcome", "smtp_code", "by")
    assert list(told) == [("permanent", 550, ""), ("retried", None, "ada"), ("permanent", 550, "")]


def test_who_had_used_up_their_attempts_gets_the_whole_retry_table_again(
    mailing: Mailing, relay: FakeRelay, ada: Decider
):
    Delivery.objects.filter(pk=mailing.deliveries.earliest("pk").pk).update(
        status="failed", reason="exhausted", attempts=9
    )
    reconcile(mailing.pk)
    [failed] = ids(mailing, "failed")
    relay.answer("RCPT", "450 4.2.0 Later", to="person0@example.org")
    retry_failed([failed], ada)
    send(mailing, lambda: ada.now)
    again = Delivery.objects.get(pk=failed)
    assert (again.status, again.attempts) == ("queued", 1)


def test_suppressions_are_lifted_only_if_staff_say_so_and_only_those_of_refusals(
    mailing: Mailing, relay: FakeRelay, ada: Decider
):
    for number in (1, 2):
        relay.answer("RCPT", "550 5.1.1 unknown", to=f"person{number}@example.org", times=1)
    send(mailing)
    Suppression.objects.filter(email="person2@example.org").update(reason="complaint")
    retry_failed(ids(mailing, "failed"), ada, lift=True)
    assert list(Suppression.objects.values_list("email", flat=True)) == ["person2@example.org"]
    lifted = LiftedSuppression.objects.get()
    assert (lifted.email, lifted.lift_note) == ("person1@example.org", f"To send the mail again, by {ada.name}.")
    send(mailing, lambda: ada.now)
    assert "person1@example.org" in relay.recipients()
    assert mailing.deliveries.get(status="skipped").reason == "suppressed"


def test_a_cancelled_mailings_failures_stay_as_they_are(mailing: Mailing, relay: FakeRelay, ada: Decider):
    relay.answer("RCPT", "550 5.7.1 Blocked", to="person1@example.org")
    send(mailing)
    Mailing.objects.filter(pk=mailing.pk).update(status="cancelled")
    assert retry_failed(ids(mailing, "failed"), ada) == {}
    check_sums(mailing)
    assert mailing.failed == 1
    assert not Attempt.objects.exclude(by="").exists()


def test_an_uncertain_mail_is_sent_again_under_the_same_message_id(mailing: Mailing, relay: FakeRelay, ada: Decider):
    relay.answer("DOT", DROP, to="person1@example.org", times=1)
    send(mailing)
    [uncertain] = ids(mailing, "uncertain")
    assert decide_uncertain([uncertain], True, ada) == {mailing.pk: 1}
    assert decide_uncertain([uncertain], True, ada) == {}
    send(mailing, lambda: ada.now)
    assert (mailing.status, mailing.sent, mailing.uncertain) == ("done", PEOPLE, 0)
    again = next(mail for mail in relay.received if mail.recipient == "person1@example.org")
    assert message_from_bytes(again.message)["Message-ID"] == message_id(uncertain)
    assert Attempt.objects.filter(delivery=uncertain).latest("pk").by == "ada"


def test_an_uncertain_mail_that_is_let_be_stays_uncertain_and_is_decided(
    mailing: Mailing, relay: FakeRelay, ada: Decider
):
    relay.answer("DOT", DROP, to="person1@example.org", times=1)
    send(mailing)
    everything = list(mailing.deliveries.values_list("pk", flat=True))
    assert decide_uncertain(everything, False, ada) == {mailing.pk: 1}
    assert decide_uncertain(everything, False, ada) == {}
    check_sums(mailing)
    assert (mailing.status, mailing.uncertain) == ("done", 1)
    assert mailing.deliveries.get(status="uncertain").reason == "let_be"
    assert Attempt.objects.filter(outcome="let_be", by="ada").count() == 1
    assert decide_uncertain(everything, True, ada) == {mailing.pk: 1}


@pytest.mark.parametrize("reason", ["", "refused"])
def test_the_failed_of_a_mailing_come_in_steps_and_each_once(
    mailing: Mailing, ada: Decider, monkeypatch: pytest.MonkeyPatch, reason: str
):
    monkeypatch.setattr(control, "STEP", 5)
    mailing.deliveries.update(status="failed", reason="refused")
    other = mailing.deliveries.earliest("pk")
    Delivery.objects.filter(pk=other.pk).update(reason="template")
    reconcile(mailing.pk)
    retried = 0
    for step in failed_of(mailing.pk, reason):
        retried += retry_failed(step, ada)[mailing.pk]
        mailing.deliveries.filter(pk__in=step).update(status="failed")  # as fast as that
    assert retried == PEOPLE - bool(reason)
