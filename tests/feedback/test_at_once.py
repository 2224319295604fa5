"""Reports that come by several doors at the same moment."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest
from django.db import connections, transaction

from mailer.audience.erasure import erase
from mailer.audience.fates import Fate, Outcome
from mailer.feedback.returns import Ending, record_return
from mailer.models import BounceScore, Delivery, Digest, Mailing, Return, ReturnCount, Suppression
from mailer.sending.record import count_again
from tests.build import subscribe

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def mails(digest: Digest, now: datetime) -> list[Delivery]:
    """Forty of one mailing, sent."""
    mailing = Mailing.objects.create(
        kind="announcement", list=digest.list, version=digest.template.versions.get(), scheduled_for=now,
        started_at=now, status="sending", planned=40, sent=40,
    )  # fmt: skip
    people = [subscribe(digest.list, f"p{number}@example.org") for number in range(40)]
    return [
        Delivery.objects.create(mailing=mailing, recipient=person, status="sent", sent_at=now, attempts=1)
        for person in people
    ]


def at_once(workers: int, action: Callable[[Delivery], Ending], mails: Iterable[Delivery]) -> list[Ending]:
    """Each in a thread with a connection of its own."""

    def work(mail: Delivery) -> Ending:
        try:
            return action(mail)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(work, mails))


@pytest.mark.parametrize("outcome", [Outcome.GONE, Outcome.TEMPORARY, Outcome.COMPLAINT])
def test_the_same_report_by_four_doors_at_once_counts_once(mails: list[Delivery], now: datetime, outcome: Outcome):
    def report(mail: Delivery) -> Ending:
        return record_return(mail.pk, (Fate(outcome, "", "", "no"),), Return.Source.LISTENER, now)

    endings = at_once(4, report, [mails[0]] * 8)
    assert sorted(endings) == [Ending.NEW] + [Ending.REPEATED] * 7
    mailing = Mailing.objects.get()
    assert (mailing.sent, mailing.bounced, Return.objects.count()) == (39, 1, 1)
    assert all(row.score == 1 for row in BounceScore.objects.all())
    assert sum(ReturnCount.objects.values_list("count", flat=True)) == 8


def test_many_reports_at_once_leave_the_sums_true_and_stop_the_mailing_once(mails: list[Delivery], now: datetime):
    def report(mail: Delivery) -> Ending:
        outcome = (Outcome.GONE, Outcome.TEMPORARY, Outcome.BLOCKED)[mail.pk % 3]
        return record_return(mail.pk, (Fate(outcome, "", "", "no"),), Return.Source.LISTENER, now)

    endings = at_once(4, report, [*mails, *reversed(mails)])
    assert endings.count(Ending.NEW) == 40
    mailing = Mailing.objects.get()
    sums = (mailing.sent, mailing.bounced)
    count_again(mailing)
    assert sums == (mailing.sent, mailing.bounced) == (0, 40)
    assert (mailing.status, mailing.reason.count("paused itself")) == ("paused", 1)
    assert Suppression.objects.count() == sum(mail.pk % 3 == 0 for mail in mails)


def test_a_report_that_meets_an_erasure_waits_for_it_and_names_nobody(mails: list[Delivery], now: datetime):
    person, address = mails[0].recipient, mails[0].recipient.email

    def report() -> Ending:
        try:
            fate = Fate(Outcome.GONE, address, "", f"no {address}")
            return record_return(mails[0].pk, (fate,), Return.Source.PIPE, now)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            erase(person, "", None, now)
            reported = pool.submit(report)
            with pytest.raises(TimeoutError):
                reported.result(timeout=1)
        assert reported.result(timeout=20) == Ending.NEW
    assert (Suppression.objects.count(), Return.objects.get().diagnostic) == (0, "")
