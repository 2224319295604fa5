"""What follows from a report: once, to whom it is about, and to nobody else."""

from datetime import datetime, timedelta
from itertools import product
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from mailer.audience.erasure import erase
from mailer.audience.fates import Fate, Outcome
from mailer.audience.suppressions import lift_suppression
from mailer.feedback.returns import Ending, TooEarly, record_return
from mailer.models import (
    BounceScore,
    Claim,
    ConsentEvent,
    Delivery,
    Digest,
    Mailing,
    MailingFigures,
    Return,
    ReturnCount,
    Subscription,
    Suppression,
)
from mailer.sending.record import count_again
from tests.build import make_sent_mail, subscribe

pytestmark = pytest.mark.django_db
PIPE, LISTENER = Return.Source.PIPE, Return.Source.LISTENER
CAME_BACK = (Outcome.GONE, Outcome.TEMPORARY, Outcome.BLOCKED, Outcome.UNKNOWN)


def report(
    delivery: Delivery, outcome: Outcome, now: datetime, address: str = "", source: Return.Source = PIPE
) -> Ending:
    fate = Fate(outcome, address, "5.0.0", f"550 {outcome}")
    ending = record_return(delivery.pk, (fate,), source, now)
    delivery.refresh_from_db()
    mailing = Mailing.objects.get(pk=delivery.mailing_id)
    sums = (mailing.planned, mailing.sent, mailing.bounced, mailing.uncertain)
    count_again(mailing)
    assert sums == (mailing.planned, mailing.sent, mailing.bounced, mailing.uncertain)
    return ending


def held(address: str = "ada@example.org") -> list[str]:
    return list(Suppression.objects.filter(email=address).values_list("reason", flat=True))


@pytest.fixture
def sent(digest: Digest, now: datetime) -> Delivery:
    return make_sent_mail(digest, "ada@example.org", now - timedelta(minutes=5))


@pytest.mark.parametrize(
    ("outcome", "status", "reason", "suppressed"),
    [
        (Outcome.GONE, "bounced", "gone", ["hard_bounce"]),
        (Outcome.TEMPORARY, "bounced", "mailbox", []),
        (Outcome.UNKNOWN, "bounced", "unexplained", []),
        (Outcome.BLOCKED, "bounced", "blocked", []),
        (Outcome.COMPLAINT, "complained", "complaint", ["complaint"]),
        (Outcome.DELAYED, "sent", "", []),
        (Outcome.DELIVERED, "sent", "", []),
        (Outcome.AUTO_REPLY, "sent", "", []),
    ],
)
def test_each_report_has_its_consequence_and_the_second_time_none(
    sent: Delivery, now: datetime, outcome: Outcome, status: str, reason: str, suppressed: list[str]
):
    is_noted = outcome in (Outcome.DELIVERED, Outcome.AUTO_REPLY)
    assert report(sent, outcome, now) == (Ending.NOTED if is_noted else Ending.NEW)
    assert (sent.status, sent.reason, held()) == (status, reason, suppressed)
    before = list(Return.objects.values()), list(BounceScore.objects.values()), list(ConsentEvent.objects.values())
    assert report(sent, outcome, now, source=LISTENER) == (Ending.NOTED if is_noted else Ending.REPEATED)
    after = list(Return.objects.values()), list(BounceScore.objects.values()), list(ConsentEvent.objects.values())
    assert (sent.status, sent.reason, held(), after) == (status, reason, suppressed, before)
    assert sum(ReturnCount.objects.values_list("count", flat=True)) == 2


def test_our_outcomes_are_those_of_the_reports():
    assert {outcome.value for outcome in Outcome} == set(Return.Outcome.values)


def test_a_complaint_ends_the_subscription_and_says_how(sent: Delivery, now: datetime):
    other = subscribe_elsewhere(sent)
    report(sent, Outcome.COMPLAINT, now)
    here = Subscription.objects.get(recipient=sent.recipient, list=sent.mailing.list)
    event = ConsentEvent.objects.get()
    assert (here.status, here.unsubscribed_at, other.status) == ("unsubscribed", now, "active")
    assert (event.what, event.source, event.by) == ("unsubscribed", "a complaint: they marked a mail as spam", None)


def subscribe_elsewhere(sent: Delivery) -> Subscription:
    made = type(sent.mailing.list).objects.create(slug="other", name="Other")
    return Subscription.objects.create(list=made, recipient=sent.recipient)


def test_a_complaint_counts_however_late_and_a_bounce_only_in_time(sent: Delivery, now: datetime):
    later = now + timedelta(days=31)
    assert report(sent, Outcome.GONE, later) == Ending.TOO_LATE
    assert (sent.status, held(), Return.objects.count()) == ("sent", [], 0)
    assert report(sent, Outcome.COMPLAINT, later) == Ending.NEW
    assert (sent.status, held()) == ("complained", ["complaint"])


@pytest.mark.parametrize("status", ["queued", "failed", "skipped", "cancelled"])
@pytest.mark.parametrize("outcome", [*CAME_BACK, Outcome.COMPLAINT])
def test_a_report_on_a_mail_that_never_left_changes_nothing(
    digest: Digest, now: datetime, status: str, outcome: Outcome
):
    delivery = make_sent_mail(digest, "ada@example.org", now, status)
    assert report(delivery, outcome, now) == Ending.NEVER_SENT
    assert (delivery.status, held(), Return.objects.count()) == (status, [], 0)


def test_a_report_that_comes_before_its_mail_is_recorded_as_sent_has_to_come_again(digest: Digest, now: datetime):
    delivery = make_sent_mail(digest, "ada@example.org", now, "queued")
    claim = Claim.objects.create(
        mailing=delivery.mailing, first=delivery.pk, last=delivery.pk, made_at=now, until=now, task_id=uuid4()
    )
    with pytest.raises(TooEarly):
        report(delivery, Outcome.GONE, now)
    assert (held(), Return.objects.count(), ReturnCount.objects.count()) == ([], 0, 0)
    Delivery.objects.filter(pk=delivery.pk).update(status="sent", sent_at=now)
    Mailing.objects.update(sent=1)
    claim.delete()
    assert report(delivery, Outcome.GONE, now) == Ending.NEW
    assert (delivery.status, held()) == ("bounced", ["hard_bounce"])


def test_a_report_on_an_uncertain_mail_says_that_it_had_left(digest: Digest, now: datetime):
    delivery = make_sent_mail(digest, "ada@example.org", now, "uncertain")
    assert report(delivery, Outcome.TEMPORARY, now) == Ending.NEW
    assert (delivery.status, delivery.reason) == ("bounced", "mailbox")


@pytest.mark.parametrize("outcome", CAME_BACK)
def test_a_report_that_names_another_address_suppresses_neither(sent: Delivery, now: datetime, outcome: Outcome):
    subscribe(sent.mailing.list, "bob@example.org")
    report(sent, outcome, now, address="bob@example.org")
    assert (sent.status, Return.objects.get().names_other) == ("bounced", True)
    assert (held(), held("bob@example.org")) == ([], [])
    assert not BounceScore.objects.filter(email="bob@example.org").exists()


@pytest.mark.parametrize("address", ["ADA@Example.ORG", "", " ada@example.org "])
def test_the_own_address_is_known_in_any_spelling(sent: Delivery, now: datetime, address: str):
    report(sent, Outcome.GONE, now, address=address)
    assert (held(), Return.objects.get().names_other) == (["hard_bounce"], False)


def test_of_several_fates_that_of_the_own_address_counts(sent: Delivery, now: datetime):
    fates = (
        Fate(Outcome.GONE, "bob@example.org", "5.1.1", "550 no bob"),
        Fate(Outcome.DELAYED, "ada@example.org", "4.4.1", "later"),
    )
    record_return(sent.pk, fates, PIPE, now)
    sent.refresh_from_db()
    assert (sent.status, Return.objects.get().diagnostic, held()) == ("sent", "later", [])


@pytest.mark.parametrize("first", CAME_BACK)
@pytest.mark.parametrize("second", CAME_BACK)
def test_two_different_reports_on_one_mail_bounce_it_once(
    sent: Delivery, now: datetime, first: Outcome, second: Outcome
):
    report(sent, first, now)
    report(sent, second, now)
    is_gone = Outcome.GONE in (first, second)
    assert (sent.status, held()) == ("bounced", ["hard_bounce"] if is_gone else [])
    assert sent.reason == "gone" if is_gone else True
    assert all(row.score == 1 for row in BounceScore.objects.all())


def test_a_complaint_after_a_bounce_is_the_last_word_and_its_figures_are_counted_again(sent: Delivery, now: datetime):
    MailingFigures.objects.create(mailing=sent.mailing)
    report(sent, Outcome.TEMPORARY, now)
    assert not MailingFigures.objects.get().is_stale
    report(sent, Outcome.COMPLAINT, now)
    assert (sent.status, MailingFigures.objects.get().is_stale) == ("complained", True)
    report(sent, Outcome.GONE, now)
    assert sent.status == "complained"
    assert held() == ["hard_bounce"]  # there is no such address any more: single mails too stay away


def test_mails_that_come_back_for_a_while_give_the_address_a_rest(digest: Digest, now: datetime, settings: Settings):
    for day in range(6):
        later = now + timedelta(days=day)
        assert held() == []
        report(make_sent_mail(digest, "ada@example.org", later), Outcome.TEMPORARY, later + timedelta(minutes=1))
    suppression = Suppression.objects.get()
    assert (suppression.reason, suppression.note) == ("soft_bounces", "5.0.0 550 temporary")
    assert suppression.expires_at == later + timedelta(minutes=1, days=settings.BOUNCE_REST_DAYS)


def test_mails_that_arrive_in_between_take_the_score_down(digest: Digest, now: datetime):
    for day in range(20):
        later = now + timedelta(days=day)
        delivery = make_sent_mail(digest, "ada@example.org", later)
        if day % 2:
            report(delivery, Outcome.TEMPORARY, later + timedelta(minutes=1))
    assert held() == []
    assert BounceScore.objects.get().score < 2


def test_a_score_sinks_with_time(digest: Digest, now: datetime):
    for month in range(12):
        later = now + timedelta(days=30 * month)
        report(make_sent_mail(digest, "ada@example.org", later), Outcome.UNKNOWN, later)
    assert held() == []


def test_what_bounces_out_of_order_counts_all_the_same(digest: Digest, now: datetime):
    mails = [make_sent_mail(digest, "ada@example.org", now + timedelta(hours=hour)) for hour in range(5)]
    for mail in reversed(mails):
        report(mail, Outcome.TEMPORARY, now + timedelta(days=1))
    assert held() == ["soft_bounces"]


def test_who_lifts_a_suppression_clears_the_score(digest: Digest, now: datetime):
    BounceScore.objects.create(email="ada@example.org", score=4.9, at=now, sent_at=now)
    report(
        make_sent_mail(digest, "ada@example.org", now + timedelta(hours=1)), Outcome.TEMPORARY, now + timedelta(hours=2)
    )
    lift_suppression(Suppression.objects.get(), "she made room", None, now)
    assert not BounceScore.objects.exists()


def test_a_provider_that_blocks_us_suppresses_nobody(digest: Digest, now: datetime):
    for number, day in product(range(20), range(8)):
        later = now + timedelta(days=day)
        report(make_sent_mail(digest, f"p{number}@example.org", later), Outcome.BLOCKED, later)
    assert Delivery.objects.filter(status="bounced", reason="blocked").count() == 160
    assert (Suppression.objects.count(), BounceScore.objects.count()) == (0, 0)


def test_a_report_on_somebody_who_was_erased_changes_their_mail_and_names_nobody(sent: Delivery, now: datetime):
    erase(sent.recipient, "", None, now)
    fate = Fate(Outcome.GONE, "ada@example.org", "5.1.1", "550 <ada@example.org> unknown")
    assert record_return(sent.pk, (fate,), PIPE, now) == Ending.NEW
    sent.refresh_from_db()
    assert (sent.status, Return.objects.get().diagnostic, Suppression.objects.count()) == ("bounced", "", 0)


def test_a_report_on_a_mail_that_is_not_in_the_log_any_more_is_counted(db: None, now: datetime):
    assert record_return(4711, (Fate(Outcome.GONE, "", "", ""),), PIPE, now) == Ending.FORGOTTEN
    assert list(ReturnCount.objects.values_list("what", "count")) == [("forgotten", 1)]


def test_what_no_database_takes_is_left_out(sent: Delivery, now: datetime):
    fate = Fate(Outcome.GONE, "a\x00\udcff", "5.1.1\x00", "no\x00 \udcff" + "x" * 600)
    record_return(sent.pk, (fate,), PIPE, now)
    kept = Return.objects.get()
    assert (kept.status, len(kept.diagnostic), kept.names_other) == ("5.1.1", 500, True)


@pytest.mark.parametrize(
    ("bounces", "planned", "status"), [(20, 100, "paused"), (19, 100, "sending"), (20, 1000, "sending")]
)
def test_a_mailing_of_which_too_many_come_back_pauses_itself_once(
    digest: Digest, now: datetime, bounces: int, planned: int, status: str
):
    mailing = Mailing.objects.create(
        kind="digest", digest=digest, list=digest.list, version=digest.template.versions.get(), scheduled_for=now,
        started_at=now, status="sending", planned=planned + 1, sent=planned,
    )  # fmt: skip
    people = [subscribe(digest.list, f"p{number}@example.org") for number in range(planned)]
    mails = Delivery.objects.bulk_create(
        [Delivery(mailing=mailing, recipient=person, status="sent", sent_at=now) for person in people]
    )
    for mail in mails[:bounces]:
        record_return(mail.pk, (Fate(Outcome.TEMPORARY, "", "", ""),), PIPE, now)
    mailing.refresh_from_db()
    assert (mailing.status, mailing.bounced) == (status, bounces)
    if status == "paused":
        assert mailing.reason == "paused itself on 23 Nov 2026 14:59 UTC, when 20 of 100 mails had come back"
        Mailing.objects.update(status="sending")  # staff have looked, and decided
        record_return(mails[-1].pk, (Fate(Outcome.GONE, "", "", ""),), PIPE, now)
        mailing.refresh_from_db()
        assert mailing.status == "sending"


def test_the_ten_thousandth_report_costs_what_the_second_does(digest: Digest, now: datetime):
    costs = []
    for number in range(30):
        mail = make_sent_mail(digest, f"p{number}@example.org", now)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            record_return(mail.pk, (Fate(Outcome.GONE, "", "5.1.1", "no"),), PIPE, now)
        costs.append(len(queries))
    assert len(set(costs[1:])) == 1
    assert costs[-1] <= 22
