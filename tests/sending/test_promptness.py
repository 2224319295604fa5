"""How long after its time a mail was taken is counted as outcomes are written down, and told as a promise kept."""

from datetime import datetime, timedelta
from uuid import uuid4

import pytest

from mailer.insight.promptness import delays_since, promises
from mailer.models import Claim, Delivery, Digest, Mailing, Recipient, Tally
from mailer.sending.notes import settle
from mailer.sending.outcomes import Kind, Outcome
from mailer.sending.promptness import promptness
from mailer.sending.record import record
from mailer.sending.tallies import fold_tallies, hour_of, tally

pytestmark = pytest.mark.django_db


def make_mailing(digest: Digest, due: datetime, kind: str = "digest") -> Mailing:
    version = digest.template.versions.get()
    to = {"digest": digest, "list": digest.list} if kind == "digest" else {}
    return Mailing.objects.create(kind=kind, version=version, scheduled_for=due, status="sending", planned=3, **to)


def after(due: datetime, *seconds: float) -> list[datetime]:
    return [due + timedelta(seconds=second) for second in seconds]


def test_a_delay_on_the_bound_is_within_it_and_none_is_below_zero(digest: Digest, now: datetime) -> None:
    mailing = make_mailing(digest, now)
    found = promptness(mailing, after(now, -5, 1, 1.001, 10, 300, 1800, 1801))
    assert not found.is_single
    assert found.figures == {
        "within_1": 2, "within_10": 2, "within_60": 0, "within_300": 1, "within_1800": 1, "later": 1,
        "delay_seconds": pytest.approx(3913.001),
    }  # fmt: skip


def test_mails_that_are_recorded_are_counted_once_by_their_delay(digest: Digest, now: datetime) -> None:
    mailing = make_mailing(digest, now)
    people = Recipient.objects.all()[:3]
    mails = [Delivery.objects.create(mailing=mailing, recipient=person) for person in people]
    claim = Claim.objects.create(
        mailing=mailing, task_id=uuid4(), first=mails[0].pk, last=mails[-1].pk,
        made_at=now, until=now + timedelta(minutes=5),
    )  # fmt: skip
    settled = [
        settle(Outcome(mail.pk, Kind.SENT, code=250, text="ok"), moment, claim)
        for mail, moment in zip(mails, after(now, 0.5, 20, 400), strict=True)
    ]
    record(mailing.pk, settled)
    record(mailing.pk, settled)
    row = Tally.objects.get()
    assert (row.sent, row.within_1, row.within_60, row.within_1800, row.is_single) == (3, 1, 1, 1, False)
    assert row.delay_seconds == pytest.approx(420.5)


def test_the_promise_is_told_by_kind_after_folding_too(digest: Digest, now: datetime) -> None:
    single, digests = make_mailing(digest, now, "notification"), make_mailing(digest, now)
    for mailing, delays in ((single, (1, 9)), (single, (11, 2)), (digests, (10, 299)), (digests, (301,))):
        tally({"sent": len(delays)}, now, promptness(mailing, after(now, *delays)))
    for _ in range(2):
        assert [(found.kind, found.count, found.percent) for found in promises(now)] == [
            ("single", 4, 75.0),
            ("list", 3, 66.66),
        ]
        fold_tallies()
    assert Tally.objects.count() == 2
    buckets = next(delays_since(hour_of(now))).buckets
    assert buckets == [("1", 1), ("10", 3), ("60", 4), ("300", 4), ("1800", 4), ("+Inf", 4)]


def test_without_mail_nothing_is_promised_nor_broken(db: None, now: datetime) -> None:
    assert promises(now) == []
