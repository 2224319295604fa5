"""Pipe, listener and mailbox: all take what is ours, and none loses a mail while the database is away."""

import asyncio
import io
import os
import smtplib
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from uuid import uuid4

import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from mailer.audience.return_paths import ReturnPaths
from mailer.feedback.listener import listen
from mailer.feedback.mailbox import MailboxUnavailable, poll
from mailer.feedback.receiving import Receipt, receive, takes
from mailer.models import Claim, Delivery, Digest, Mailing, Return, ReturnCount, Subscription, Suppression
from tests.build import make_sent_mail
from tests.fake_mailbox import FakeMailbox
from tests.fake_relay import FakeRelay
from tests.feedback.mails import ORDINARY, bounce, complaint

ROOT = Path(__file__).resolve().parent.parent.parent
ADDRESS = "person1@example.org"
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def bounce_address(settings: Settings) -> None:
    settings.BOUNCE_ADDRESS = "bounces@bounce.example.org"


@pytest.fixture
def sent(digest: Digest) -> Delivery:
    """A mail to person 1 that has just left."""
    return make_sent_mail(digest, ADDRESS, timezone.now())


def status_of(delivery: Delivery) -> str:
    delivery.refresh_from_db()
    return delivery.status


def counts() -> dict[str, int]:
    return dict(ReturnCount.objects.values_list("what", "count"))


def hold(delivery: Delivery) -> Claim:
    """As if a worker had the mail in hand still."""
    Delivery.objects.filter(pk=delivery.pk).update(status="queued", sent_at=None)
    now = timezone.now()
    where = {"mailing": delivery.mailing, "first": delivery.pk, "last": delivery.pk}
    return Claim.objects.create(**where, made_at=now, until=now, task_id=uuid4())


# --- What all doors do -----------------------------------------------------------------------------------------------


def test_a_bounce_to_a_signed_address_bounces_its_delivery(sent: Delivery, now: datetime):
    to = ReturnPaths().make(sent.pk)
    assert receive(bounce(sent.pk, ADDRESS), to, Return.Source.PIPE, timezone.now()) is Receipt.OURS
    assert status_of(sent) == "bounced"
    kept = Return.objects.get()
    assert (kept.outcome, kept.status, kept.source) == ("gone", "5.1.1", "pipe")
    assert "No such user" in kept.diagnostic


def test_a_complaint_to_the_plain_address_is_about_the_mail_that_it_gives_back(sent: Delivery):
    raw = complaint(sent.pk)
    assert receive(raw, "bounces@bounce.example.org", Return.Source.LISTENER, timezone.now()) is Receipt.OURS
    assert status_of(sent) == "complained"
    assert Subscription.objects.get(recipient=sent.recipient).status == "unsubscribed"


def test_no_forged_bounce_changes_anything(sent: Delivery):
    genuine = ReturnPaths().make(sent.pk)
    mac = genuine.partition(".")[2].partition("@")[0]
    for number in range(1_000):
        forged = f"bounces+{sent.pk:x}.{number:024x}@bounce.example.org"
        raw = bounce(sent.pk, ADDRESS).replace(genuine.encode(), forged.encode())
        assert receive(raw, forged, Return.Source.LISTENER, timezone.now()) is Receipt.UNSIGNED
    other = f"bounces+{sent.pk + 1:x}.{mac}@bounce.example.org"
    raw = bounce(sent.pk, ADDRESS).replace(genuine.encode(), other.encode())
    assert receive(raw, other, Return.Source.PIPE, timezone.now()) is Receipt.UNSIGNED
    assert (status_of(sent), Suppression.objects.count(), Return.objects.count()) == ("sent", 0, 0)
    assert list(ReturnCount.objects.values_list("source", "what", "count")) == [
        ("listener", "unsigned", 1_000),
        ("pipe", "unsigned", 1),
    ]


def test_an_ordinary_mail_to_a_signed_address_is_counted_and_changes_nothing(sent: Delivery):
    assert receive(ORDINARY, ReturnPaths().make(sent.pk), Return.Source.PIPE, timezone.now()) is Receipt.NO_REPORT
    assert (status_of(sent), counts()) == ("sent", {"no_report": 1})


def test_nothing_that_comes_in_is_answered_however_it_comes_back(
    sent: Delivery, relay: FakeRelay, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
):
    ours, report = ReturnPaths().make(sent.pk), bounce(sent.pk, ADDRESS)
    absence = ORDINARY.replace(b"Subject:", b"Auto-Submitted: auto-replied\r\nSubject: Away; Re:")
    own = ORDINARY.replace(b"bob@example.org", b"post@example.org").replace(
        b"Subject:", b"Auto-Submitted: auto-generated\r\nSubject:"
    )
    of_a_bounce = report.replace(b"From: News <post@example.org>", b"From: MAILER-DAEMON@relay.example.org")
    with django_capture_on_commit_callbacks(execute=True):
        for raw in (ORDINARY, absence, own, of_a_bounce, report, report, complaint(sent.pk)):
            for to in (ours, "bounces@bounce.example.org"):
                receive(raw, to, Return.Source.PIPE, timezone.now())
    assert (Delivery.objects.count(), Mailing.objects.count(), relay.connections, mail.outbox) == (1, 1, 0, [])


def test_only_signed_addresses_and_the_plain_one_are_taken(settings: Settings):
    assert takes(ReturnPaths().make(1).upper())
    assert takes("Bounces@bounce.example.org")
    assert not takes("bounces+1.0123456789abcdef01234567@bounce.example.org")
    assert not takes("post@example.org")
    settings.BOUNCE_ADDRESS = ""
    assert not takes("")


# --- The pipe --------------------------------------------------------------------------------------------------------


def pipe(raw: bytes, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw)))
    try:
        call_command("receive_mail", *arguments)
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


def test_the_pipe_takes_a_bounce_by_argument_environment_or_header(sent: Delivery, monkeypatch: pytest.MonkeyPatch):
    to, raw = ReturnPaths().make(sent.pk), bounce(sent.pk, ADDRESS)
    without = raw.replace(to.encode(), b"x@example.org")
    assert pipe(without, monkeypatch, to) == 0
    assert (status_of(sent), counts()) == ("bounced", {"gone": 1})
    monkeypatch.setenv("ORIGINAL_RECIPIENT", to)
    assert (pipe(without, monkeypatch), counts()) == (0, {"gone": 1, "repeated": 1})
    monkeypatch.delenv("ORIGINAL_RECIPIENT")
    assert (pipe(b"Delivered-To: " + to.encode() + b"\r\n" + without, monkeypatch)) == 0
    assert counts() == {"gone": 1, "repeated": 2}


def test_the_pipe_refuses_nothing_and_asks_for_a_mail_again_while_it_is_too_early(
    sent: Delivery, monkeypatch: pytest.MonkeyPatch
):
    assert pipe(ORDINARY, monkeypatch, "nobody@example.org") == 0
    assert pipe(b"", monkeypatch) == 0
    claim = hold(sent)
    to = ReturnPaths().make(sent.pk)
    assert pipe(bounce(sent.pk, ADDRESS), monkeypatch, to) == os.EX_TEMPFAIL
    claim.delete()
    Delivery.objects.update(status="sent", sent_at=timezone.now())
    assert pipe(bounce(sent.pk, ADDRESS), monkeypatch, to) == 0
    assert status_of(sent) == "bounced"


@pytest.mark.once
def test_the_pipe_asks_for_a_mail_again_when_the_database_is_away(tmp_path: Path):
    environment = {
        "PATH": os.environ["PATH"],
        "SECRET_KEY": "x" * 60,
        "ALLOWED_HOSTS": "post.example.org",
        "VAR_DIR": str(tmp_path),
        "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
    }
    done = subprocess.run(
        [sys.executable, "manage.py", "receive_mail", "a@example.org"],
        cwd=ROOT, env=environment, input=ORDINARY, capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == os.EX_TEMPFAIL
    assert done.stderr.startswith(b"Bring it again:")


# --- The listener ----------------------------------------------------------------------------------------------------


@contextmanager
def listening(by_lmtp: bool = True) -> Iterator[smtplib.SMTP]:
    """A client of a listener that runs in a thread of its own."""
    ready, stopping = threading.Event(), []

    async def serve() -> None:
        ended = asyncio.Event()
        async with listen("127.0.0.1", 0, by_lmtp) as port:
            stopping[:] = [port, asyncio.get_running_loop(), ended]
            ready.set()
            await ended.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(10)
    port, loop, ended = stopping
    client = smtplib.LMTP("127.0.0.1", port) if by_lmtp else smtplib.SMTP("127.0.0.1", port)
    client.ehlo_or_helo_if_needed()
    try:
        yield client
    finally:
        client.close()
        loop.call_soon_threadsafe(ended.set)
        thread.join(10)


@pytest.mark.parametrize("by_lmtp", [True, False])
def test_the_listener_takes_a_bounce_and_answers_when_it_is_recorded(sent: Delivery, by_lmtp: bool):
    with listening(by_lmtp) as client:
        assert client.sendmail("", ReturnPaths().make(sent.pk), bounce(sent.pk, ADDRESS)) == {}
        assert status_of(sent) == "bounced"
        assert client.sendmail("", "bounces@bounce.example.org", complaint(sent.pk)) == {}
    assert status_of(sent) == "complained"


def test_the_listener_takes_no_other_address_and_one_at_a_time(sent: Delivery):
    to = ReturnPaths().make(sent.pk)
    with listening() as client:
        client.mail("")
        assert client.rcpt("person@example.org") == (550, b"5.1.1 No such address here")
        assert client.rcpt(to.replace("+", "+f"))[0] == 550
        assert client.rcpt(to)[0] == 250
        assert client.rcpt(to)[0] == 452
        client.rset()
    assert status_of(sent) == "sent"


def test_the_listener_refuses_what_is_too_large(sent: Delivery):
    with listening() as client:
        assert client.mail("", ["SIZE=10000001"])[0] == 552


def test_the_listener_asks_for_a_mail_again_while_it_is_too_early_or_the_database_is_away(
    sent: Delivery, monkeypatch: pytest.MonkeyPatch
):
    claim = hold(sent)
    to, raw = ReturnPaths().make(sent.pk), bounce(sent.pk, ADDRESS)
    with listening() as client:
        with pytest.raises(smtplib.SMTPDataError, match="451"):
            client.sendmail("", to, raw)
        claim.delete()
        Delivery.objects.update(status="sent", sent_at=timezone.now())
        with cut_off(monkeypatch), pytest.raises(smtplib.SMTPDataError, match="451"):
            client.sendmail("", to, raw)
        assert client.sendmail("", to, raw) == {}
    assert (status_of(sent), counts()) == ("bounced", {"gone": 1})


def test_a_fault_of_ours_loses_no_mail(sent: Delivery, monkeypatch: pytest.MonkeyPatch):
    def stumble(*arguments: object) -> None:
        raise ValueError("what nobody has thought of")

    monkeypatch.setattr("mailer.feedback.listener.receive", stumble)
    with listening() as client, pytest.raises(smtplib.SMTPDataError, match="451"):
        client.sendmail("", ReturnPaths().make(sent.pk), bounce(sent.pk, ADDRESS))


@contextmanager
def cut_off(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The database's wire is cut: every statement fails, in whichever thread."""

    def fail(*arguments: object, **named: object) -> None:
        raise OperationalError("server closed the connection unexpectedly")

    with monkeypatch.context() as patch:
        patch.setattr("django.db.backends.utils.CursorWrapper.execute", fail)
        yield


# --- The mailbox -----------------------------------------------------------------------------------------------------


def test_the_mailbox_is_emptied_of_what_is_ours_and_other_mails_stay(sent: Delivery):
    with FakeMailbox() as mailbox:
        ours, other = mailbox.put(bounce(sent.pk, ADDRESS)), mailbox.put(ORDINARY)
        assert poll(mailbox.address(), True, timezone.now) == Counter(ours=1, no_report=1)
        assert (ours in mailbox.mails, mailbox.flags[other]) == (False, {"\\Seen"})
        assert poll(mailbox.address(), True, timezone.now) == Counter()
    assert (status_of(sent), counts()) == ("bounced", {"gone": 1, "no_report": 1})


def test_without_delete_a_mail_is_only_marked_as_read(sent: Delivery):
    with FakeMailbox() as mailbox:
        uid = mailbox.put(bounce(sent.pk, ADDRESS))
        poll(mailbox.address(), False, timezone.now)
        assert mailbox.flags[uid] == {"\\Seen"}


def test_a_mail_that_is_too_early_stays_unread(sent: Delivery):
    hold(sent)
    with FakeMailbox() as mailbox:
        uid = mailbox.put(bounce(sent.pk, ADDRESS))
        assert poll(mailbox.address(), True, timezone.now) == Counter(later=1)
        assert mailbox.flags[uid] == set()


def test_while_the_database_is_away_the_mailbox_stays_as_it_is(sent: Delivery, monkeypatch: pytest.MonkeyPatch):
    with FakeMailbox() as mailbox:
        uid = mailbox.put(bounce(sent.pk, ADDRESS))
        with cut_off(monkeypatch), pytest.raises(OperationalError):
            poll(mailbox.address(), True, timezone.now)
        assert mailbox.flags[uid] == set()
        poll(mailbox.address(), True, timezone.now)
    assert status_of(sent) == "bounced"


def test_a_mailbox_that_dies_before_it_is_marked_gives_the_mail_again_and_it_counts_once(sent: Delivery):
    with FakeMailbox(dies_at="STORE") as mailbox:
        mailbox.put(bounce(sent.pk, ADDRESS))
        with pytest.raises(MailboxUnavailable):
            poll(mailbox.address(), True, timezone.now)
        mailbox.dies_at = ""
        assert poll(mailbox.address(), True, timezone.now) == Counter(ours=1)
        assert mailbox.mails == {}
    assert (Return.objects.count(), counts()) == (1, {"gone": 1, "repeated": 1})


@pytest.mark.parametrize("refused", ["LOGIN", "SELECT"])
def test_what_is_wrong_with_the_mailbox_is_said_without_the_password(settings: Settings, refused: str):
    with FakeMailbox(refuses=refused) as mailbox:
        settings.BOUNCE_MAILBOX = mailbox.address()
        with pytest.raises(CommandError, match="can't be read") as told:
            call_command("poll_mailbox", "--once")
    assert "se cret" not in str(told.value)


def test_the_command_looks_once_and_tells_what_it_found(
    sent: Delivery, settings: Settings, capsys: pytest.CaptureFixture[str]
):
    with FakeMailbox() as mailbox:
        settings.BOUNCE_MAILBOX = mailbox.address()
        mailbox.put(bounce(sent.pk, ADDRESS))
        call_command("poll_mailbox", "--once")
    assert capsys.readouterr().out.strip() == "ours 1"
    settings.BOUNCE_MAILBOX = None
    with pytest.raises(CommandError, match="BOUNCE_MAILBOX is not set"):
        call_command("poll_mailbox", "--once")
