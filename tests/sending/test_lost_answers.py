"""Answers that never come: from the database after a commit, from a mail server after the dot, from a torn disk."""

import os
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.db import OperationalError
from django.utils import timezone

from mailer import tasks, waking
from mailer.models import Claim, Delivery, Digest, Mailing, RelayPause
from mailer.scheduling.planning import plan_now
from mailer.sending import claim as claims
from mailer.sending.batch import send_range
from mailer.sending.claim import Range
from mailer.sending.journal import Journal, JournalUnavailable, journals, read_entries
from mailer.sending.outcomes import Kind
from mailer.sending.record import reconcile
from mailer.sending.relays import PAUSE, may_probe, pause_relay, paused_until, relay_name
from mailer.sending.smtp import RelaySession
from mailer.sending.wakeups import waiting_mailings
from tests.build import make_envelopes, make_item, subscribe
from tests.fake_relay import DROP, HANG, FakeRelay
from tests.sending.test_journal import a_claim

pytestmark = pytest.mark.django_db


@pytest.fixture
def mailing(digest: Digest) -> Mailing:
    for number in range(3, 12):
        subscribe(digest.list, f"person{number}@example.org")
    make_item(digest.list)
    return plan_now(digest, timezone.now())


def send(mailing: Mailing) -> dict[str, Any]:
    return send_range(Range(mailing.pk, 0, 2**62), uuid4(), timezone.now)


@pytest.mark.django_db(transaction=True)
def test_a_claim_whose_answer_was_lost_is_given_back(
    mailing: Mailing, relay: FakeRelay, monkeypatch: pytest.MonkeyPatch
):
    load, fails = claims._load, [True]

    def lose_the_first_answer(*arguments: Any) -> Any:
        if fails and fails.pop():
            raise OperationalError("the server closed the connection")
        return load(*arguments)

    monkeypatch.setattr(claims, "_load", lose_the_first_answer)
    monkeypatch.setattr("mailer.sending.batch.GROUP", 5)
    send(mailing)
    assert {status: Delivery.objects.filter(status=status).count() for status in ("sent", "queued")} == {
        "sent": 7,
        "queued": 5,
    }
    assert not Claim.objects.exists()


def write_only(room: int) -> Callable[[int, bytes], int]:
    write = os.write
    left = [room]

    def write_until_full(file: int, data: bytes) -> int:
        written = write(file, data[: left[0]])
        left[0] -= written
        return written

    return write_until_full


def test_a_line_torn_by_a_full_disk_does_not_swallow_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    journal = Journal(tmp_path)
    journal.claimed(a_claim(12, 34))
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", write_only(3))
        with pytest.raises(JournalUnavailable):
            journal.started(12)
    journal.started(34)
    entries = read_entries(journals(tmp_path)[0])
    assert (entries.started, entries.damaged) == ({34}, False)
    journal.finish()


def test_a_damaged_journal_stops_nobody_and_is_not_trusted(tmp_path: Path):
    journal = Journal(tmp_path)
    journal.claimed(a_claim(12, 34))
    with journals(tmp_path)[0].open("ab") as file:
        file.write(b"S 1\x00\xff2\nnothing of ours\n")
    entries = read_entries(journals(tmp_path)[0])
    assert (len(entries.claims), entries.trusted) == (1, False)
    journal.finish()


@pytest.mark.parametrize("reply", [HANG, DROP])
def test_a_server_that_answers_no_dot_does_not_swallow_the_list(
    mailing: Mailing, relay: FakeRelay, settings: Any, reply: str
):
    settings.EMAIL_TIMEOUT = 0.1
    relay.answer("DOT", reply)
    assert "does not answer" in send(mailing)["halted"]
    assert Delivery.objects.filter(status="uncertain").count() == 1
    assert Delivery.objects.filter(status="queued").count() == 11
    assert RelayPause.objects.exists()


def test_a_server_that_becomes_mute_costs_a_mail_a_connection(mailing: Mailing, relay: FakeRelay, settings: Any):
    settings.EMAIL_TIMEOUT = 0.1
    taken = []

    def mute_after_four(step: str, who: str) -> str | None:
        taken.append(who) if step == "DOT" else None
        return HANG if step == "DOT" and len(taken) > 4 else None

    relay.rules.append(mute_after_four)
    assert "does not answer" in send(mailing)["halted"]
    assert Delivery.objects.filter(status="sent").count() == 4
    assert Delivery.objects.filter(status="uncertain").count() <= settings.RELAY.connections


def test_only_an_answer_ends_the_alarm(mailing: Mailing, relay: FakeRelay, settings: Any):
    settings.EMAIL_TIMEOUT = 0.1
    pause_relay("it hangs", timezone.now() - timedelta(minutes=1))
    relay.answer("DOT", HANG, times=1)
    send(mailing)
    assert RelayPause.objects.get().relay == relay_name()  # the same row: no second alarm
    RelayPause.objects.update(retry_at=timezone.now())
    send(mailing)
    assert not RelayPause.objects.exists()


def test_a_tick_tries_the_mail_server_again_and_wakes_who_was_turned_away(
    mailing: Mailing, relay: FakeRelay, monkeypatch: pytest.MonkeyPatch
):
    woken: list[int] = []
    monkeypatch.setattr(tasks, "wake_mailing", lambda pk: not woken.append(pk))
    now = timezone.now()
    Mailing.objects.update(woken_at=now - timedelta(seconds=15))
    pause_relay("it is being restarted", now)
    tasks.tick()
    assert woken == waiting_mailings(now) == [mailing.pk]
    until = paused_until()
    assert until is not None
    assert until <= timezone.now()


def test_of_all_who_come_when_the_pause_is_over_one_finds_out_whether_the_mail_server_works(
    mailing: Mailing, relay: FakeRelay
):
    now = timezone.now()
    pause_relay("it is being restarted", now - PAUSE)
    assert may_probe(now)
    assert not may_probe(now)
    assert send(mailing)["halted"] == "the mail server is paused"
    later = now + PAUSE
    summary = send_range(Range(mailing.pk, 0, 2**62), uuid4(), lambda: later)
    assert (summary["sent"], summary["resumed"], paused_until()) == (12, True, None)


def test_who_was_turned_away_is_called_when_the_mail_server_works_again(
    digest: Digest, mailing: Mailing, relay: FakeRelay, monkeypatch: pytest.MonkeyPatch
):
    make_item(digest.list, "More")
    other = plan_now(digest, timezone.now())
    woken: list[int] = []
    monkeypatch.setattr(waking, "wake_mailing", lambda pk: not woken.append(pk))
    Mailing.objects.update(woken_at=timezone.now())
    pause_relay("it is being restarted", timezone.now() - PAUSE)
    first, last = mailing.deliveries.earliest("pk").pk, mailing.deliveries.latest("pk").pk
    summary = tasks.deliver.apply(args=(mailing.pk, first, last)).get()
    assert (summary["sent"], summary["resumed"]) == (12, True)
    assert woken == [other.pk]


def test_a_message_about_a_mailing_that_is_gone_does_nothing(relay: FakeRelay, db: None):
    summary = send_range(Range(4_711, 1, 2_000), uuid4(), timezone.now)
    assert (summary["planned"], summary["halted"]) == (0, "there is no such mailing")


def test_an_uncertain_mail_goes_out_again_when_somebody_decides_so(mailing: Mailing, relay: FakeRelay):
    """The lines are those of docs/reliability.md."""
    relay.answer("DOT", DROP, to="person1@example.org", times=1)
    send(mailing)
    mailing.refresh_from_db()
    assert (mailing.status, mailing.uncertain) == ("done", 1)
    Delivery.objects.filter(mailing=mailing, status="uncertain").update(status="queued", reason="")
    reconcile(mailing.pk)
    send(mailing)
    mailing.refresh_from_db()
    assert (mailing.status, mailing.uncertain, mailing.sent) == ("done", 0, 12)
    assert relay.recipients().count("person1@example.org") == 2


@pytest.mark.once
def test_an_answer_that_waited_for_our_own_database_is_read_all_the_same(relay: FakeRelay):
    found = []
    with RelaySession(relay.address(connections=2), 0.05, lambda pk: None) as session:
        for outcome in session.send(iter(make_envelopes(6))):
            found.append((outcome.delivery_id, outcome.kind))
            time.sleep(0.3)  # longer than any answer is waited for
    assert sorted(found) == [(pk, Kind.SENT) for pk in range(6)]


def test_what_a_worker_gives_back_because_it_is_told_to_end_is_called_for_at_once(
    mailing: Mailing, relay: FakeRelay, monkeypatch: pytest.MonkeyPatch
):
    woken: list[int] = []
    monkeypatch.setattr(waking, "wake_mailing", lambda pk: not woken.append(pk))
    for module in ("mailer.sending.batch", "mailer.waking"):
        monkeypatch.setattr(f"{module}.stopping", lambda: True)
    first, last = mailing.deliveries.earliest("pk").pk, mailing.deliveries.latest("pk").pk
    summary = tasks.deliver.apply(args=(mailing.pk, first, last)).get()
    assert (summary["sent"], summary["released"]) == (0, 12)
    assert woken == [mailing.pk]
