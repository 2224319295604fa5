"""What a worker's death leaves behind, and what is made of it."""

import os
import signal
import subprocess
import sys
import textwrap
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from django.utils import timezone

from mailer.models import Claim, Delivery, Digest, Mailing
from mailer.scheduling.planning import plan_now
from mailer.sending import journal as journals_module
from mailer.sending.batch import send_range
from mailer.sending.claim import LEASE, Range, Run, claim, release
from mailer.sending.journal import Journal, JournalUnavailable, dead_journal, journals, read_entries
from mailer.sending.notes import settle
from mailer.sending.outcomes import Kind, Outcome
from mailer.sending.recovery import give_up_abandoned, recover_journals
from tests.build import make_item, subscribe
from tests.fake_relay import FakeRelay

NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)


def a_claim(first: int, last: int) -> Claim:
    return Claim(pk=7, mailing_id=3, first=first, last=last, made_at=NOW, until=NOW + LEASE, task_id=uuid4())


@pytest.fixture
def mailing(digest: Digest) -> Mailing:
    for number in range(3, 8):
        subscribe(digest.list, f"person{number}@example.org")
    make_item(digest.list)
    return plan_now(digest, timezone.now())


def die_after(folder: Path, mailing: Mailing, started: int, settled: int) -> list[int]:
    """A worker that claimed all, began some, heard of fewer, and is gone."""
    journal = Journal(folder)
    ids = [claimed.id for claimed in claim(Range(mailing.pk, 0, 2**62), 250, NOW, Run(uuid4(), journal))]
    for delivery_id in ids[:started]:
        journal.started(delivery_id)
    for delivery_id in ids[:settled]:
        journal.settled(settle(Outcome(delivery_id, Kind.SENT, 250, "2.0.0 queued"), NOW, a_claim(1, 5)).note)
    journal.abandon()
    return ids


@pytest.mark.django_db
def test_a_death_costs_only_the_mails_in_flight(mailing: Mailing, relay: FakeRelay, tmp_path: Path):
    ids = die_after(tmp_path, mailing, started=5, settled=4)
    recover_journals(tmp_path, NOW)
    assert list(Delivery.objects.order_by("pk").values_list("status", flat=True)) == (
        ["sent"] * 4 + ["uncertain"] + ["queued"] * 3
    )
    assert journals(tmp_path) == []
    send_range(Range(mailing.pk, 0, 2**62), uuid4(), timezone.now)
    mailing.refresh_from_db()
    assert (mailing.status, mailing.sent, mailing.uncertain) == ("done", 7, 1)
    assert len(relay.received) == 3
    assert Delivery.objects.get(pk=ids[4]).reason == "worker_lost"


@pytest.mark.django_db
def test_after_a_reboot_the_journal_is_not_trusted_to_be_whole(
    mailing: Mailing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    die_after(tmp_path, mailing, started=5, settled=4)
    monkeypatch.setattr(journals_module, "boot_id", lambda: "another boot")
    recover_journals(tmp_path, NOW)
    assert list(Delivery.objects.order_by("pk").values_list("status", flat=True)) == ["sent"] * 4 + ["uncertain"] * 4


@pytest.mark.django_db
def test_a_journal_that_is_found_late_still_tells_the_truth(mailing: Mailing, relay: FakeRelay, tmp_path: Path):
    die_after(tmp_path, mailing, started=5, settled=4)
    much_later = NOW + timedelta(hours=1)
    assert give_up_abandoned(much_later) == 8
    assert set(Delivery.objects.values_list("status", "reason")) == {("uncertain", "worker_lost")}
    recover_journals(tmp_path, much_later)
    mailing.refresh_from_db()
    assert (mailing.sent, mailing.uncertain, mailing.waiting) == (4, 1, 3)


@pytest.mark.django_db
def test_what_another_run_has_claimed_since_is_not_touched(mailing: Mailing, relay: FakeRelay, tmp_path: Path):
    die_after(tmp_path, mailing, started=2, settled=0)
    Claim.objects.all().delete()
    other = Run(uuid4(), Journal(tmp_path / "other"))
    claim(Range(mailing.pk, 0, 2**62), 250, NOW + timedelta(seconds=1), other)
    recover_journals(tmp_path, NOW)
    assert set(Delivery.objects.values_list("status", flat=True)) == {"queued"}
    assert list(Claim.objects.values_list("pk", flat=True)) == list(other.claims)
    other.journal.finish()


@pytest.mark.django_db
def test_two_runs_never_have_the_same_deliveries(mailing: Mailing, tmp_path: Path):
    runs = [Run(uuid4(), Journal(tmp_path)) for _ in range(3)]
    everything = Range(mailing.pk, 0, 2**62)
    ids = [[claimed.id for claimed in claim(everything, 3, NOW, run)] for run in runs]
    assert [len(each) for each in ids] == [3, 3, 2]
    assert len({pk for each in ids for pk in each}) == 8
    assert claim(everything, 3, NOW, runs[0]) == []
    release(runs[1].claims)
    assert [claimed.id for claimed in claim(everything, 500, NOW, runs[2])] == ids[1]
    for run in runs:
        run.journal.finish()


@pytest.mark.django_db
def test_a_lease_that_holds_is_respected(mailing: Mailing, tmp_path: Path):
    die_after(tmp_path, mailing, started=2, settled=0)
    assert give_up_abandoned(NOW + timedelta(minutes=11)) == 0
    assert give_up_abandoned(NOW + timedelta(minutes=13)) == 8


@pytest.mark.django_db
def test_without_a_journal_nothing_is_sent_and_nothing_lost(
    mailing: Mailing, relay: FakeRelay, settings, tmp_path: Path
):
    (tmp_path / "a file").write_text("in the way")
    settings.JOURNAL_DIR = tmp_path / "a file"
    summary = send_range(Range(mailing.pk, 0, 2**62), uuid4(), timezone.now)
    assert "can't be written" in str(summary["halted"])
    assert relay.received == []
    assert set(Delivery.objects.values_list("status", flat=True)) == {"queued"}


@pytest.mark.django_db
@pytest.mark.parametrize("room", [0, 1, 3, 6])
def test_a_disk_that_fills_under_way_sends_nothing_twice_and_loses_nothing(
    mailing: Mailing, relay: FakeRelay, monkeypatch: pytest.MonkeyPatch, room: int
):
    write, left = os.write, [room]

    def write_until_full(file: int, data: bytes) -> int:
        if b"S " in data:
            left[0] -= 1
            if left[0] < 0:
                raise OSError(28, "No space left on device")
        return write(file, data)

    monkeypatch.setattr(os, "write", write_until_full)
    summary = send_range(Range(mailing.pk, 0, 2**62), uuid4(), timezone.now)
    assert "No space left" in str(summary["halted"])
    assert Delivery.objects.filter(status="sent").count() == len(relay.received) < 8
    assert Delivery.objects.filter(status="queued").count() == 8 - len(relay.received)
    monkeypatch.undo()
    send_range(Range(mailing.pk, 0, 2**62), uuid4(), timezone.now)
    assert sorted(relay.recipients()) == [f"person{number}@example.org" for number in range(8)]


def test_a_living_workers_journal_is_left_alone(tmp_path: Path):
    journal = Journal(tmp_path)
    journal.claimed(a_claim(1, 2))
    with dead_journal(journals(tmp_path)[0]) as entries:
        assert entries is None
    journal.finish()
    assert journals(tmp_path) == []


def test_a_killed_process_leaves_its_journal_to_the_living(tmp_path: Path):
    script = textwrap.dedent(f"""
        import os, signal, django
        from pathlib import Path
        os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
        django.setup()
        from mailer.sending.journal import Journal
        from tests.sending.test_journal import a_claim
        journal = Journal(Path({str(tmp_path)!r}))
        journal.claimed(a_claim(1, 3))
        journal.started(1)
        os.write(journal._file, b"S 2")  # cut off in the middle of a line
        os.kill(os.getpid(), signal.SIGKILL)
    """)
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -signal.SIGKILL
    with dead_journal(journals(tmp_path)[0]) as entries:
        assert entries is not None
        assert [(found.first, found.last, found.until) for found in entries.claims] == [(1, 3, NOW + LEASE)]
        assert (entries.in_flight(), entries.trusted) == ({1}, True)
    assert journals(tmp_path) == []


def test_the_journal_of_a_worker_of_the_version_before_is_read(tmp_path: Path):
    words = "B nothing\nS 7\nR 7 1795446000000001 recipient_rejected address 550 5.1.1 no such person\n"
    (tmp_path / "old.journal").write_text(f"{words}R 8 1795446000000000 sent - 0 \n", encoding="utf-8")
    entries = read_entries(tmp_path / "old.journal")
    refused = Outcome(7, Kind.RECIPIENT_REJECTED, 550, "5.1.1 no such person", Delivery.Reason.ADDRESS)
    assert entries.outcomes == {7: (refused, NOW + timedelta(microseconds=1)), 8: (Outcome(8, Kind.SENT), NOW)}
    assert not entries.damaged


def test_what_is_written_is_read(tmp_path: Path):
    journal = Journal(tmp_path)
    made = a_claim(1, 2)
    journal.claimed(made)
    journal.started(1)
    outcome = Outcome(1, Kind.PERMANENT, 550, "5.1.1 ümlaut", Delivery.Reason.ADDRESS)
    strange = Outcome(2, Kind.SENT, None, 'line\nbreak \u2028 "quoted" \\ 📮')
    for noted in (outcome, strange):
        journal.settled(settle(noted, NOW, made).note)
    assert read_entries(journals(tmp_path)[0]).outcomes == {}
    journal.started(3)
    entries = read_entries(journals(tmp_path)[0])
    assert entries.outcomes[1] == (outcome, NOW)
    assert [vars(found) | {"_state": None} for found in entries.claims] == [vars(made) | {"_state": None}]
    assert entries.outcomes[2] == (strange, NOW)
    journal.abandon()
    with pytest.raises(JournalUnavailable):
        journal.started(2)
