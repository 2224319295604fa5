"""The story of one mail is told in its order, in words, with all that the mail server said."""

from datetime import UTC, datetime, timedelta

import pytest

from mailer.audience.consent import Word
from mailer.feedback.unsubscribes import unsubscribe_recipient
from mailer.insight.stories import Step, server_answer, time_line, what_happened
from mailer.models import Attempt, Delivery, Mailing, RecipientList, Return, Subscription, Suppression, TemplateVersion
from mailer.sending.control import Decider, retry_failed
from mailer.sending.outcomes import Kind

THREE = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)


@pytest.fixture
def mail(mailing_list: RecipientList, template: TemplateVersion) -> Delivery:
    mailing = Mailing.objects.create(
        kind="announcement",
        list=mailing_list,
        version=TemplateVersion.objects.get(),
        scheduled_for=THREE,
        status="sending",
        started_at=THREE + timedelta(minutes=10),
        planned=1,
    )
    Mailing.objects.filter(pk=mailing.pk).update(created_at=THREE - timedelta(hours=1))
    mailing.refresh_from_db()
    person = mailing_list.subscriptions.earliest("pk").recipient
    return Delivery.objects.create(mailing=mailing, recipient=person)


def settle(mail: Delivery, status: str, **values: object) -> Delivery:
    Delivery.objects.filter(pk=mail.pk).update(status=status, **values)
    return Delivery.objects.select_related("mailing__list").get(pk=mail.pk)


def tried(mail: Delivery, minute: int, outcome: str, code: int | None, text: str = "") -> None:
    Attempt.objects.create(
        delivery=mail, at=THREE + timedelta(minutes=minute), outcome=outcome, smtp_code=code, smtp_text=text
    )


def words(steps: list[Step]) -> list[str]:
    return [step.words for step in steps]


def test_every_attempt_and_decision_is_told_until_it_is_sent(mail: Delivery):
    tried(mail, 11, "temporary", 451, "4.7.1 later")
    tried(mail, 12, "permanent", 554, "5.7.1 no")
    failed = settle(mail, "failed", reason="refused", attempts=2)
    Mailing.objects.update(failed=1)
    retry_failed([failed.pk], Decider("eva", THREE + timedelta(minutes=20)))
    sent = settle(
        mail, "sent", reason="", attempts=1, sent_at=THREE + timedelta(minutes=21), smtp_code=250, smtp_text="2.0.0 ok"
    )
    steps = time_line(sent, None)
    assert words(steps) == [
        "The mailing was made, to go Mon 23 Nov 2026 15:00 UTC.",
        "The mailing began, late by 10 min 0 s.",
        "Attempt 1: the mail server asked to try again later.",
        "Attempt 2: the mail server refused the mail.",
        "eva: put back into the queue after it had failed.",
        "Attempt 3: the mail server took it.",
    ]
    assert [step.answer for step in steps if step.answer] == ["451 4.7.1 later", "554 5.7.1 no", "250 2.0.0 ok"]
    assert [step.at for step in steps] == sorted(step.at for step in steps if step.at)


def test_what_comes_next_is_told(mail: Delivery):
    tried(mail, 11, "temporary", None, "the server closed the connection")
    waiting = settle(mail, "queued", reason="temporary", attempts=1, next_attempt_at=THREE + timedelta(minutes=16))
    assert words(time_line(waiting, None))[2:] == [
        "Attempt 1: the connection was lost before the mail was handed over.",
        "Will be tried again Mon 23 Nov 2026 15:16 UTC, after 1 attempt: the mail server asked to try again later.",
    ]


def test_a_mail_that_could_not_be_made_was_refused_by_nobody(mail: Delivery):
    tried(mail, 11, "permanent", None, "'city' is not known")
    failed = settle(mail, "failed", reason="template", attempts=1)
    assert words(time_line(failed, None))[2:] == [
        "Attempt 1: the mail could not be made.",
        "Not tried again: the template could not be filled with this person's data.",
    ]


def test_an_uncertain_mail_waits_for_a_decision(mail: Delivery):
    tried(mail, 11, "uncertain", None)
    steps = time_line(settle(mail, "uncertain", reason="no_answer", attempts=1), None)
    assert words(steps)[2:] == [
        "Attempt 1: handed over, and no answer came.",
        "Nobody can say whether it arrived. It waits for your decision.",
    ]


def test_what_a_skipped_mail_goes_back_to_is_told(mail: Delivery):
    mailing = mail.mailing
    Subscription.objects.update(subscribed_at=THREE - timedelta(days=1))
    unsubscribe_recipient(mailing.list_id, mail.recipient_id, Word("one-click in a mail program", THREE))
    Mailing.objects.update(finished_at=THREE + timedelta(hours=1), status="done")
    skipped = settle(mail, "skipped", reason="unsubscribed")
    assert words(time_line(skipped, None))[2:] == [
        "The person left the list: one-click in a mail program.",
        "Skipped: unsubscribed from the list.",
    ]
    Suppression.objects.create(email=mail.recipient.email, reason="complaint")
    Suppression.objects.update(created_at=THREE)
    skipped = settle(mail, "skipped", reason="suppressed")
    assert "The address was suppressed: the person reported a mail as spam." in words(time_line(skipped, None))


def test_each_way_in_which_an_attempt_ends_has_words():
    assert set(Attempt.ENDS) == {kind.value for kind in Kind} - {"sent", "skipped", "held"}


def test_what_came_back_is_told_in_its_order_with_the_servers_words(mail: Delivery):
    left = settle(mail, "sent", attempts=1, sent_at=THREE, smtp_code=250, smtp_text="2.0.0 queued as A1")
    for minute, outcome, source, answer in (
        (5, "delayed", "listener", "4.4.1 no answer yet"),
        (9, "gone", "pipe", "550 5.1.1 No such user"),
    ):
        Return.objects.create(
            delivery=left, at=THREE + timedelta(minutes=minute), outcome=outcome, source=source,
            status=answer.removeprefix("550 ")[:5], diagnostic=answer,
        )  # fmt: skip
    back = settle(mail, "bounced", reason="gone")
    steps = time_line(back, None)
    assert words(steps)[-3:] == [
        "Attempt 1: the mail server took it.",
        "A report came by the LMTP listener: it waits at a mail server on its way.",
        "A report came by a mail server's pipe: there is no such address.",
    ]
    assert [step.answer for step in steps[-3:]] == [
        "250 2.0.0 queued as A1",
        "4.4.1 no answer yet",
        "550 5.1.1 No such user",
    ]
    assert server_answer(back) == "550 5.1.1 No such user"
    assert what_happened(back) == "Sent Mon 23 Nov 2026 15:00:00 UTC, and it came back: there is no such address."


def test_a_report_that_names_another_address_says_so(mail: Delivery):
    left = settle(mail, "bounced", reason="unexplained", sent_at=THREE)
    Return.objects.create(delivery=left, at=THREE, outcome="unknown", source="mailbox", names_other=True)
    assert words(time_line(left, None))[-1].endswith("It names another address, to which the mail was forwarded.")
