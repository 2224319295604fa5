"""A range of deliveries from claim to record, through a real socket."""

import re
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone

from mailer.audience.return_paths import delivery_of as delivery_of_return_path
from mailer.models import (
    Attempt,
    Delivery,
    Digest,
    EmailTemplate,
    Mailing,
    Recipient,
    RelayPause,
    Subscription,
    Suppression,
)
from mailer.scheduling.planning import plan_now
from mailer.sending.batch import send_range
from mailer.sending.claim import Range
from mailer.sending.message_id import delivery_of, message_id
from tests.build import make_item, subscribe
from tests.fake_relay import DROP, HANG, FakeRelay

pytestmark = pytest.mark.django_db


def send(mailing: Mailing, at: datetime | None = None) -> dict[str, object]:
    clock = (lambda: at) if at else timezone.now
    summary = send_range(Range(mailing.pk, 0, 2**62), uuid4(), clock)
    mailing.refresh_from_db()
    assert mailing.planned == (
        mailing.sent + mailing.failed + mailing.skipped + mailing.uncertain + mailing.cancelled + mailing.waiting
    )
    return summary


@pytest.fixture
def mailing(digest: Digest) -> Mailing:
    make_item(digest.list, "The harbour is open")
    return plan_now(digest, timezone.now())


def test_everybody_gets_their_own_mail_once(mailing: Mailing, relay: FakeRelay):
    summary = send(mailing)
    assert sorted(relay.recipients()) == [f"person{n}@example.org" for n in range(3)]
    assert (summary["planned"], summary["sent"], summary["failures"]) == (3, 3, [])
    assert (mailing.status, mailing.sent) == ("done", 3)
    send(mailing)
    assert len(relay.received) == 3


@pytest.mark.parametrize("gathers", [True, False])
@pytest.mark.parametrize("connections", [1, 3])
def test_every_mail_has_the_answer_that_was_given_to_it(
    mailing: Mailing, digest: Digest, relay: FakeRelay, settings, gathers: bool, connections: int
):
    relay.gathers, settings.RELAY = gathers, relay.address(connections=connections)
    for number in range(3, 60):
        subscribe(digest.list, f"person{number}@example.org")
    make_item(digest.list, "More")

    def decide(step: str, who: str) -> str | None:
        number = int("".join(filter(str.isdigit, who)) or 0)
        refusals = {7: ("RCPT", "550 5.1.1"), 5: ("DOT", "554 5.6.0"), 3: ("DATA", "451 4.3.0")}
        wanted = next((refusal for divisor, refusal in refusals.items() if number and number % divisor == 0), None)
        if wanted and wanted[0] == step:
            return f"{wanted[1]} no {who}"
        return f"250 2.0.0 yes {who}" if step == "DOT" else None

    relay.rules.append(decide)
    later = plan_now(digest, timezone.now())
    send(later)
    for delivery in later.deliveries.select_related("recipient"):
        assert delivery.smtp_text.endswith(delivery.recipient.email)
        assert (delivery.smtp_code == 250) == (delivery.status == "sent")
    assert later.sent == len(relay.received) == len([n for n in range(60) if not n or (n % 7 and n % 5 and n % 3)])


def test_the_mail_has_what_the_standards_ask_for(mailing: Mailing, relay: FakeRelay):
    send(mailing)
    received = next(mail for mail in relay.received if mail.recipient == "person1@example.org")
    message = message_from_bytes(received.message, policy=policy.SMTP)
    delivery = Delivery.objects.get(mailing=mailing, recipient__email="person1@example.org")
    assert message["To"] == "Person 1 <person1@example.org>"
    assert message["From"] == "News <post@example.org>"
    assert message["Subject"].startswith("1 new on News")
    assert message["Message-ID"] == message_id(delivery.pk)
    assert delivery_of(message["Message-ID"]) == delivery.pk
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message["List-Unsubscribe"].startswith("<https://post.example.org/u/")
    assert message["Auto-Submitted"] == "auto-generated"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert "Hello Person" in message.get_body(("plain",)).get_content()
    assert 'style="color:#123456"' in message.get_body(("html",)).get_content()


def test_suppressed_unsubscribed_and_paused_people_are_skipped_with_the_reason(mailing: Mailing, relay: FakeRelay):
    Suppression.objects.create(email="PERSON0@example.org")
    Subscription.objects.filter(recipient__email="person1@example.org").update(status="unsubscribed")
    later = timezone.now() + timedelta(days=1)
    Subscription.objects.filter(recipient__email="person2@example.org").update(paused_until=later)
    send(mailing)
    reasons = Delivery.objects.order_by("recipient_id").values_list("status", "reason")
    assert list(reasons) == [("skipped", "suppressed"), ("skipped", "unsubscribed"), ("skipped", "paused")]
    assert relay.received == []
    assert (mailing.status, mailing.skipped) == ("done", 3)


def test_each_mail_has_its_own_envelope_sender_if_there_is_a_bounce_address(
    mailing: Mailing, relay: FakeRelay, settings
):
    settings.BOUNCE_ADDRESS = "bounces@bounce.example.org"
    send(mailing)
    for mail in relay.received:
        delivery = Delivery.objects.get(recipient__email=mail.recipient)
        assert delivery_of_return_path(mail.sender) == delivery.pk
        assert b"From: News <post@example.org>\r\n" in mail.message


def test_without_a_bounce_address_the_envelope_sender_is_the_senders_own(mailing: Mailing, relay: FakeRelay):
    send(mailing)
    assert {mail.sender for mail in relay.received} == {"post@example.org"}


@pytest.mark.parametrize(
    ("reason", "to_lists", "single"),
    [
        ("hard_bounce", False, False),
        ("manual", False, False),
        ("erased", False, False),
        ("complaint", False, True),
        ("soft_bounces", False, True),
    ],
)
def test_who_complained_of_a_list_still_gets_the_single_mail_that_they_ask_for(
    mailing: Mailing, template: EmailTemplate, relay: FakeRelay, reason: str, to_lists: bool, single: bool
):
    Suppression.objects.create(email="person1@example.org", reason=reason)
    send(mailing)
    assert ("person1@example.org" in relay.recipients()) == to_lists
    relay.received.clear()
    asked = Mailing.objects.create(
        kind="notification", version=template.versions.get(), scheduled_for=timezone.now(), status="sending", planned=1,
        context={"count": 1, "list": {"name": "x"}, "date": "2026-11-23", "items": []},
    )  # fmt: skip
    asked.deliveries.create(recipient=Recipient.objects.get(email="person1@example.org"))
    send(asked)
    assert relay.recipients() == (["person1@example.org"] if single else [])


def test_a_refused_address_is_suppressed_for_good_though_an_old_suppression_has_run_out(
    mailing: Mailing, relay: FakeRelay
):
    now = timezone.now()
    Suppression.objects.create(email="person1@example.org", expires_at=now - timedelta(days=1))
    relay.answer("RCPT", "550 5.1.1 No such user", to="person1@example.org")
    send(mailing)
    held = Suppression.objects.effective(now + timedelta(days=1)).get()
    assert (held.email, held.reason, held.expires_at) == ("person1@example.org", "hard_bounce", None)


@pytest.mark.parametrize(
    ("step", "reply", "status", "reason", "suppressed"),
    [
        ("RCPT", "550 5.1.1 No such user", "failed", "address", True),
        ("RCPT", "550 No such user", "failed", "address", True),
        ("RCPT", "552 5.2.2 Mailbox full", "failed", "refused", False),
        ("RCPT", "550 5.7.1 Blocked", "failed", "refused", False),
        ("RCPT", "450 4.2.0 Greylisted", "queued", "temporary", False),
        ("DATA", "451 4.3.0 Try later", "queued", "temporary", False),
        ("DATA", "554 5.6.0 No", "failed", "refused", False),
        ("DOT", "451 4.3.0 Try later", "queued", "temporary", False),
        ("DOT", "552 5.3.4 Too big", "failed", "refused", False),
        ("DOT", "550 5.7.515 Spam", "failed", "refused", False),
        ("DOT", "421 4.3.2 Closing", "queued", "temporary", False),
        ("DOT", DROP, "uncertain", "no_answer", False),
        ("RCPT", DROP, "queued", "temporary", False),
    ],
)
@pytest.mark.parametrize("server", ["answers a group at once", "answers each command", "does not pipeline"])
def test_each_refusal_ends_as_the_outcome_table_says(
    mailing: Mailing,
    relay: FakeRelay,
    step: str,
    reply: str,
    status: str,
    reason: str,
    suppressed: bool,
    server: str,
):
    relay.gathers = server == "answers a group at once"
    if server == "does not pipeline":
        relay.extensions = ("8BITMIME",)
    relay.answer(step, reply, to="person1@example.org")
    send(mailing)
    delivery = Delivery.objects.get(recipient__email="person1@example.org")
    assert (delivery.status, delivery.reason, delivery.attempts) == (status, reason, 1)
    attempt = Attempt.objects.get(delivery=delivery)
    if reply != DROP:
        assert (attempt.smtp_code, attempt.smtp_text) == (int(reply[:3]), reply[4:])
    assert Suppression.objects.filter(email="person1@example.org").exists() == suppressed
    others = Delivery.objects.exclude(pk=delivery.pk).values_list("status", flat=True)
    assert list(others) == ["sent", "sent"]
    assert len(relay.received) == len(set(relay.recipients()))


def test_a_temporary_failure_is_retried_when_it_is_due_and_then_sent(mailing: Mailing, relay: FakeRelay):
    relay.answer("RCPT", "450 4.2.0 Later", to="person1@example.org", times=1)
    send(mailing)
    assert send(mailing)["planned"] == 0
    send(mailing, at=timezone.now() + timedelta(minutes=2))
    delivery = Delivery.objects.get(recipient__email="person1@example.org")
    assert (delivery.status, delivery.attempts, mailing.status) == ("sent", 2, "done")
    assert Attempt.objects.filter(delivery=delivery).count() == 1


def test_temporary_failures_end_with_the_retry_table(mailing: Mailing, relay: FakeRelay):
    relay.answer("RCPT", "450 4.2.0 Later", to="person1@example.org")
    for day in range(12):
        send(mailing, at=timezone.now() + timedelta(days=day))
    delivery = Delivery.objects.get(recipient__email="person1@example.org")
    assert (delivery.status, delivery.reason, delivery.attempts) == ("failed", "exhausted", 9)
    assert mailing.status == "done"


@pytest.mark.parametrize(
    ("step", "reply"),
    [
        ("GREETING", "554 No"),
        ("GREETING", "554 N\x00o"),
        ("EHLO", "421 Busy"),
        ("MAIL", "553 5.1.8 Sender refused"),
        ("GREETING", DROP),
        ("GREETING", HANG),
    ],
)
def test_a_relay_that_is_no_use_burns_nobodys_attempt(mailing: Mailing, relay: FakeRelay, step: str, reply: str):
    relay.answer(step, reply)
    summary = send(mailing)
    assert summary["halted"]
    assert set(Delivery.objects.values_list("status", "attempts")) == {("queued", 0)}
    assert RelayPause.objects.count() == 1
    relay.rules.clear()
    assert send(mailing)["halted"] == "the mail server is paused"
    send(mailing, at=timezone.now() + timedelta(minutes=1))
    assert (mailing.status, mailing.sent) == ("done", 3)
    assert not RelayPause.objects.exists()


def test_wrong_password_halts_and_a_later_right_one_sends(mailing: Mailing, relay: FakeRelay, settings):
    relay.extensions = ("PIPELINING", "AUTH PLAIN")
    settings.RELAY = relay.address(user="post", password="wrong")
    relay.answer("AUTH", "535 5.7.8 Wrong password")
    assert "535" in str(send(mailing)["halted"])
    assert set(Delivery.objects.values_list("status", "attempts")) == {("queued", 0)}


def test_a_server_that_closes_after_every_two_mails_gets_them_all(
    mailing: Mailing, relay: FakeRelay, digest: Digest, settings
):
    settings.RELAY = relay.address(connections=1)  # of two, one mail could be the one too many three times
    for number in range(3, 23):
        subscribe(digest.list, f"person{number}@example.org")
    make_item(digest.list, "More")
    mailing = plan_now(digest, timezone.now())
    taken = [0]

    def every_third_is_one_too_many(step: str, who: str) -> str | None:
        taken[0] += step == "MAIL"
        return "421 4.7.0 Enough" if step == "MAIL" and taken[0] % 3 == 0 else None

    relay.rules.append(every_third_is_one_too_many)
    send(mailing)
    assert (mailing.status, mailing.sent) == ("done", 23)
    assert sorted(relay.recipients()) == sorted(f"person{n}@example.org" for n in range(23))


def test_a_mute_server_makes_its_mails_uncertain_and_no_others(mailing: Mailing, relay: FakeRelay, settings):
    settings.EMAIL_TIMEOUT = 0.2
    relay.answer("DOT", HANG, to="person1@example.org")
    send(mailing)
    assert sorted(Delivery.objects.values_list("status", flat=True)) == ["sent", "sent", "uncertain"]
    assert Delivery.objects.get(status="uncertain").recipient.email == "person1@example.org"


def test_one_recipient_whose_data_break_the_template_fails_alone(mailing: Mailing, relay: FakeRelay):
    version = mailing.version
    broken = version.text + "{{ recipient.attributes.plan|upper }}"
    type(version).objects.filter(pk=version.pk).update(text=broken)
    for recipient in [delivery.recipient for delivery in mailing.deliveries.all()][:2]:
        recipient.attributes = {"plan": "pro"}
        recipient.save()
    send(mailing)
    failed = Delivery.objects.get(status="failed")
    assert (failed.reason, mailing.sent, mailing.status) == ("template", 2, "done")
    assert "recipient.attributes.plan is not known" in failed.smtp_text


def test_a_paused_mailing_sends_nothing_and_goes_on_when_resumed(mailing: Mailing, relay: FakeRelay):
    Mailing.objects.update(status="paused")
    send(mailing)
    assert relay.received == []
    Mailing.objects.update(status="sending")
    send(mailing)
    assert len(relay.received) == 3


def test_an_erased_recipient_is_skipped(mailing: Mailing, relay: FakeRelay):
    mailing.deliveries.earliest("pk").recipient.delete()
    send(mailing)
    assert Delivery.objects.get(status="skipped").reason == "erased"


def test_the_summary_holds_no_address(mailing: Mailing, relay: FakeRelay):
    relay.answer("RCPT", "550 5.1.1 <person1@example.org> unknown", to="person1@example.org")
    assert "@" not in str(send(mailing))


def test_what_is_sent_at_is_when_it_was_sent(mailing: Mailing, relay: FakeRelay):
    at = datetime(2026, 11, 23, 15, 0, 1, tzinfo=UTC) + timedelta(days=365)
    send(mailing, at=at)
    assert set(Delivery.objects.values_list("sent_at", flat=True)) == {at}


def test_an_item_for_one_person_is_in_that_persons_mail_only(digest: Digest, relay: FakeRelay):
    ada = subscribe(digest.list, "ada@example.org")
    subscribe(digest.list, "zoe@example.org")
    make_item(digest.list, "For Ada alone", recipient=ada)
    mailing = plan_now(digest, timezone.now())
    send(mailing)
    assert relay.recipients() == ["ada@example.org"]
    assert set(Delivery.objects.exclude(recipient=ada).values_list("status", "reason")) == {("skipped", "empty")}
    make_item(digest.list, "For all")
    make_item(digest.list, "Again for Ada", recipient=ada)
    relay.received.clear()
    send(plan_now(digest, timezone.now()))
    bodies = {mail.recipient: mail.message for mail in relay.received}
    assert len(bodies) == 5
    assert [who for who, body in bodies.items() if b"Again for Ada" in body] == ["ada@example.org"]
    assert all(b"For all" in body for body in bodies.values())
    assert not any(b"For Ada alone" in body for body in bodies.values())


def test_an_item_that_changed_hands_since_it_was_planned_is_in_nobodys_mail(digest: Digest, relay: FakeRelay):
    ada, zoe = subscribe(digest.list, "ada@example.org"), subscribe(digest.list, "zoe@example.org")
    make_item(digest.list, "For all")
    item = make_item(digest.list, "For Ada alone", recipient=ada)
    mailing = plan_now(digest, timezone.now())
    item.recipient = zoe
    item.save()
    send(mailing)
    assert len(relay.received) == 5
    assert not any(b"For Ada alone" in mail.message for mail in relay.received)


def test_own_items_come_first_and_what_is_too_many_is_counted(digest: Digest, relay: FakeRelay):
    ada, now = subscribe(digest.list, "ada@example.org"), timezone.now()
    for hours, title, recipient in [(1, "S1", None), (2, "O2", ada), (3, "O3", ada), (4, "S4", None)]:
        make_item(digest.list, title, recipient=recipient, published_at=now - timedelta(hours=hours))
    Digest.objects.filter(pk=digest.pk).update(max_items=3)
    digest.refresh_from_db()
    send(plan_now(digest, now))
    text = {mail.recipient: message_from_bytes(mail.message, policy=policy.SMTP) for mail in relay.received}
    plain = {who: mail.get_body(("plain",)).get_content() for who, mail in text.items()}
    shown = {who: re.findall(r"^\* (\w+)", body, re.MULTILINE) for who, body in plain.items()}  # a link may hold an S7
    assert shown == {"ada@example.org": ["O2", "O3", "S1"]} | {f"person{n}@example.org": ["S1", "S4"] for n in range(3)}
    assert text["ada@example.org"]["Subject"].startswith("4 new")


@pytest.mark.parametrize("pipelining", [True, False])
@pytest.mark.parametrize("limit", [1, 2, 5])
def test_a_connection_is_replaced_after_its_mails(
    mailing: Mailing, relay: FakeRelay, settings, pipelining: bool, limit: int
):
    if not pipelining:
        relay.extensions = ()
    settings.RELAY = relay.address(connections=1, mails_per_connection=limit)
    send(mailing)
    assert len(set(relay.recipients())) == len(relay.received) == 3
    assert relay.connections in (-(-3 // limit), -(-3 // limit) + 1)


def test_open_deliveries_are_found_by_the_index_of_just_these(mailing: Mailing):
    open_ones = Delivery.objects.filter(mailing=mailing)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")
        for rows in (open_ones.open(), open_ones.due(timezone.now()).order_by("pk")):
            assert "delivery_open" in rows.explain()


def test_a_name_of_nothing_but_spaces_costs_nobody_their_mail(mailing: Mailing, relay: FakeRelay):
    Recipient.objects.filter(email="person1@example.org").update(name="\u3000")
    send(mailing)
    assert mailing.sent == 3


@pytest.mark.parametrize(
    ("reply", "status"), [("250 a\x00b", "sent"), ("450 a\x00b", "queued"), ("550 5.7.1 a\x00b", "failed")]
)
def test_an_answer_with_a_nul_in_it_is_kept_without(mailing: Mailing, relay: FakeRelay, reply: str, status: str):
    relay.answer("DOT", reply)
    send(mailing)
    kept = mailing.deliveries.values_list("status", "smtp_text")
    assert set(kept) == {(status, reply[4:].replace("\x00", "\ufffd"))}
