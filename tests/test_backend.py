"""What Django's send_mail sends by our backend goes the way of all mail, and arrives as it was written."""

from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage as Received
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.core.mail import EmailMessage, EmailMultiAlternatives, get_connection, send_mail
from django.db import transaction
from django.test import Client
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from mailer.audience.erasure import MailInFlight, erase
from mailer.backend import EmailBackend, _source_of
from mailer.insight.dossier import dossier_of
from mailer.models import Delivery, InvalidAddress, Mailing, Message, Recipient, Suppression
from mailer.sending.batch import send_range
from mailer.sending.claim import Range
from mailer.sending.message_id import delivery_of
from mailer.sending.retention import purge_messages
from tests.fake_relay import FakeRelay

BACKEND = "mailer.backend.EmailBackend"
pytestmark = pytest.mark.django_db


def message(**values: object) -> EmailMultiAlternatives:
    """From a shop, with a bill."""
    given_values = {
        "subject": "Grüße",
        "body": "Ihr Paket ist da.\n.\nBis bald",
        "from_email": "Shop <shop@example.org>",
    }
    made = EmailMultiAlternatives(**(given_values | {"to": ["Ada <Ada@example.org>"]} | values))  # type: ignore[arg-type]
    made.attach_alternative("<p>Ihr Paket ist da. ☂</p>", "text/html")
    made.attach("bill.pdf", b"%PDF\x00\xff", "application/pdf")
    return made


def deliver_all() -> None:
    for mailing in Mailing.objects.order_by("pk"):
        send_range(Range(mailing.pk, 0, 2**62), uuid4(), timezone.now)


def read(relay: FakeRelay, number: int = 0) -> Received:
    found: Received = message_from_bytes(relay.received[number].message, policy=policy.SMTP)
    return found


def test_a_message_arrives_as_it_was_written_with_an_id_of_ours(relay: FakeRelay):
    assert EmailBackend().send_messages([message()]) == 1
    deliver_all()
    assert [mail.recipient for mail in relay.received] == ["ada@example.org"]
    mail = read(relay)
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert (mail["Subject"], mail["From"]) == ("Grüße", "Shop <shop@example.org>")
    assert mail["To"] == "Ada <Ada@example.org>"
    assert text is not None
    assert text.get_content().splitlines() == ["Ihr Paket ist da.", ".", "Bis bald"]
    assert html is not None
    assert "☂" in html.get_content()
    assert [part.get_content() for part in mail.iter_attachments()] == [b"%PDF\x00\xff"]
    assert delivery_of(mail["Message-ID"]) == Delivery.objects.get().pk
    assert relay.received[0].message.isascii()


def test_everybody_named_gets_it_once_and_nobody_reads_who_was_hidden(relay: FakeRelay):
    sent = message(to=["ada@example.org"], cc=["bea@example.org", "ADA@example.org"], bcc=["cid@example.org"])
    EmailBackend().send_messages([sent])
    deliver_all()
    assert sorted(mail.recipient for mail in relay.received) == [
        "ada@example.org",
        "bea@example.org",
        "cid@example.org",
    ]
    assert all(b"cid@" not in mail.message for mail in relay.received)
    assert Message.objects.count() == 1
    assert len({read(relay, number)["Message-ID"] for number in range(3)}) == 3


def test_an_id_that_the_program_gave_stays_so_that_threads_hold(relay: FakeRelay):
    EmailBackend().send_messages([message(headers={"Message-ID": "<thread-7@example.org>"})])
    deliver_all()
    assert read(relay).get_all("Message-ID") == ["<thread-7@example.org>"]


def test_djangos_send_mail_goes_through_it_and_waits_for_the_commit(
    settings: Settings, relay: FakeRelay, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
):
    with django_capture_on_commit_callbacks() as woken:
        assert send_mail("Hi", "Hello", None, ["ada@example.org"], connection=get_connection(BACKEND)) == 1
    assert len(woken) == 1
    with pytest.raises(RuntimeError), transaction.atomic():
        send_mail("Hi", "Hello", None, ["bea@example.org"], connection=get_connection(BACKEND))
        raise RuntimeError
    deliver_all()
    assert [mail.recipient for mail in relay.received] == ["ada@example.org"]


def test_a_suppressed_address_gets_nothing_and_the_log_says_why(relay: FakeRelay):
    Suppression.objects.create(email="ada@example.org", reason="gone")
    EmailBackend().send_messages([message()])
    deliver_all()
    assert relay.received == []
    assert (Delivery.objects.get().status, Delivery.objects.get().reason) == ("skipped", "suppressed")


def test_a_wrong_address_takes_nothing_of_its_message_and_is_told_or_logged(caplog: pytest.LogCaptureFixture):
    wrong = message(to=["ada@example.org", "nobody at home"])
    with pytest.raises(InvalidAddress):
        EmailBackend().send_messages([wrong])
    assert Mailing.objects.count() == Message.objects.count() == Recipient.objects.count() == 0
    assert EmailBackend(fail_silently=True).send_messages([wrong, message()]) == 1
    assert "home" not in caplog.text
    assert "was not taken" in caplog.text


def test_a_message_to_nobody_is_nothing():
    assert EmailBackend().send_messages([message(to=[])]) == 0


def test_a_message_that_is_too_large_is_refused(settings: Settings):
    settings.MESSAGE_MEGABYTES = 1
    large = message()
    large.attach("film.mp4", b"0" * 900_000, "video/mp4")
    with pytest.raises(ValueError, match=r"1\.2 MB; at most 1 MB"):
        EmailBackend().send_messages([large])


def test_a_line_break_in_a_header_is_refused():
    with pytest.raises(ValueError, match="newlines"):
        EmailBackend().send_messages([message(subject="Hi\r\nBcc: all@example.org")])


@pytest.mark.parametrize("name", ["X-A\r\nReply-To: evil@example.org\r\nX-B", "X-A\nX-B", "X A", "X-A:", "X-Ä", ""])
def test_a_header_whose_name_is_none_is_refused(name: str):
    with pytest.raises(ValueError, match="no name of a header"):
        EmailBackend().send_messages([message(headers={name: "1"})])
    assert not Mailing.objects.exists()


@pytest.mark.parametrize("character", ["\x00", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x7f"])
@pytest.mark.parametrize("rest", ["b", "X-Evil: 1"])
def test_what_python_takes_for_a_line_end_does_not_end_a_header(character: str, rest: str):
    text = f"a{character}{rest}"
    for values in (
        {"subject": text},
        {"from_email": f"{text} <shop@example.org>"},
        {"reply_to": [f"{text} <shop@example.org>"]},
        {"headers": {"X-A": text}},
    ):
        with pytest.raises(ValueError, match="header"):
            EmailBackend().send_messages([message(**values)])
        assert EmailBackend(fail_silently=True).send_messages([message(**values)]) == 0
    assert Message.objects.count() == 0


@pytest.mark.parametrize("character", ["\x85", "\u2028", "\u2029"])
def test_a_line_end_of_unicode_is_encoded_and_breaks_nothing(character: str):
    read_again = message_from_bytes(_source_of(message(subject=f"a{character}X-Evil: 1")), policy=policy.SMTP)
    assert read_again["X-Evil"] is None
    assert read_again["From"] == "Shop <shop@example.org>"


@pytest.mark.parametrize("character", ["\r\n", "\x0b", "\x0b\x0b"])
def test_a_files_name_breaks_out_of_nothing(character: str):
    made = message()
    made.attach(f"a{character}X-Evil: 1.pdf", b"%PDF", "application/pdf")
    with pytest.raises(ValueError, match="header"):
        EmailBackend().send_messages([made])


@given(
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=300),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=3000),
)
def test_whatever_a_program_writes_is_seven_bit_in_short_lines_with_crlf(subject: str, body: str):
    source = _source_of(EmailMessage(subject, body, "shop@example.org", ["ada@example.org"], ["secret@example.org"]))
    assert source.isascii()
    assert b"secret@" not in source
    assert all(len(line) <= 998 for line in source.split(b"\r\n"))
    assert source.count(b"\n") == source.count(b"\r\n") == source.count(b"\r")
    again: Received = message_from_bytes(source, policy=policy.SMTP)
    came, given_ = (text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n") for text in (again.get_content(), body))
    assert came == given_


def test_messages_are_kept_for_a_week_after_which_a_retry_says_so(relay: FakeRelay):
    relay.rules.append(lambda step, who: "451 later" if step == "RCPT" else None)
    EmailBackend().send_messages([message()])
    deliver_all()
    assert purge_messages(timezone.now() + timedelta(days=8))["messages"] == 0, "one that waits is kept"
    Mailing.objects.update(status="done")
    assert purge_messages(timezone.now() + timedelta(days=8))["messages"] == 1
    Mailing.objects.update(status="sending")
    Delivery.objects.update(next_attempt_at=None)
    deliver_all()
    mail = Delivery.objects.get()
    assert (mail.status, mail.reason) == ("failed", "template")
    assert "not kept any more" in mail.smtp_text


def test_erasing_somebody_takes_the_message_and_waits_for_the_others_to_whom_it_goes(relay: FakeRelay):
    EmailBackend().send_messages([message(to=["ada@example.org", "bea@example.org"])])
    ada, bea = (Recipient.objects.get(email=f"{name}@example.org") for name in ("ada", "bea"))
    with pytest.raises(MailInFlight, match="to others"):
        erase(ada, "", None, timezone.now())
    deliver_all()
    erase(ada, "", None, timezone.now())
    assert Message.objects.count() == 0
    assert [mail["content"] for mail in dossier_of(bea, timezone.now())["mails"]] == ["no longer kept"]


def test_staff_see_it_in_the_log_and_only_a_superuser_what_it_says(admin_client: Client, client: Client):
    EmailBackend().send_messages([message()])
    pk = Delivery.objects.get().pk
    assert "a program, as a whole" in admin_client.get(f"/admin/mailer/delivery/{pk}/change/").content.decode()
    page = admin_client.get(f"/admin/mailer/delivery/{pk}/as_sent/").content.decode()
    assert "bill.pdf" in page
    assert "Grüße" in page
    mailing = Mailing.objects.get()
    assert str(mailing).startswith("Message, ")
    assert admin_client.get(f"/admin/mailer/mailing/{mailing.pk}/change/").status_code == 200
    staff = User.objects.create_user("eve", is_staff=True)
    client.force_login(staff)
    assert client.get(f"/admin/mailer/delivery/{pk}/as_sent/").status_code == 403
