"""A mailing's figures are counted when it has ended, and once more when something has changed since."""

from datetime import UTC, datetime, timedelta

import pytest

from mailer.insight import counting
from mailer.insight.counting import count_figures, uncounted_mailings
from mailer.insight.figures import AtDomain, Figures, figures_of
from mailer.insight.outcomes import speed
from mailer.models import Delivery, Mailing, MailingFigures, Recipient, RecipientList, TemplateVersion
from mailer.sending.control import Decider, decide_uncertain, retry_failed
from mailer.sending.record import finish_mailing, reconcile

THREE = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
NOW = THREE + timedelta(days=1)


def at(minute: float) -> datetime:
    return THREE + timedelta(minutes=minute)


@pytest.fixture
def mailing(mailing_list: RecipientList, template: TemplateVersion, monkeypatch: pytest.MonkeyPatch) -> Mailing:
    """Ended: eight left within four minutes, two of them to b.example; one failed, one was skipped, one is uncertain."""
    monkeypatch.setattr(counting, "STEP", 3)
    made = Mailing.objects.create(
        kind="announcement",
        list=mailing_list,
        version=TemplateVersion.objects.get(),
        scheduled_for=THREE,
        status="sending",
        started_at=THREE,
    )
    for number, minute in enumerate([0, 0.5, 1, 1.1, 1.2, 3, 3.1, 4]):
        add(made, f"{number}@{'b' if number in (3, 6) else 'a'}.example", status="sent", attempts=1, sent_at=at(minute))
    add(made, "no@b.example", status="failed", reason="address", attempts=1)
    add(made, "left@c.example", status="skipped", reason="unsubscribed")
    add(made, "who@a.example", status="uncertain", reason="no_answer", attempts=1)
    assert finish_mailing(made.pk, at(5))
    made.refresh_from_db()
    return made


def add(mailing: Mailing, address: str, **values: object) -> None:
    Delivery.objects.create(mailing=mailing, recipient=Recipient.objects.create(email=address), **values)


def counted(mailing: Mailing, now: datetime = NOW) -> Figures:
    assert count_figures(mailing.pk, now)
    mailing.refresh_from_db()
    found = figures_of(mailing)
    assert found is not None
    return found


def test_what_became_of_it_is_counted_by_reason_and_by_domain(mailing: Mailing):
    figures = counted(mailing)
    assert [(row.status, row.reason, row.count) for row in figures.ended] == [
        ("sent", "", 8), ("failed", "address", 1), ("skipped", "unsubscribed", 1), ("uncertain", "no_answer", 1)
    ]  # fmt: skip
    assert figures.domains == [
        AtDomain("a.example", 7, sent=6, failed=0, bounced=0, other=1),
        AtDomain("b.example", 3, sent=2, failed=1, bounced=0, other=0),
        AtDomain("c.example", 1, sent=0, failed=0, bounced=0, other=1),
    ]
    assert (figures.as_of, figures.fits) == (NOW, True)


def test_domains_beyond_the_first_and_erased_people_are_told_together(mailing: Mailing, monkeypatch):
    monkeypatch.setattr(counting, "TOP_DOMAINS", 1)
    Recipient.objects.filter(email="no@b.example").delete()
    assert counted(mailing).domains[1] == AtDomain("", 4, sent=2, failed=1, bounced=0, other=1)


def test_the_slowest_minutes_are_whole_ones_and_empty_ones_count(mailing: Mailing):
    run = counted(mailing).run
    assert run is not None
    assert [(span.start, span.minutes, span.sent) for span in run.slowest] == [
        (at(2), 1, 0), (at(3), 1, 2), (at(1), 1, 3)
    ]  # fmt: skip
    assert [count for count, _ in run.bars] == [2, 3, 0, 2, 1]
    assert (run.sent, run.span) == (8, timedelta(minutes=4))


def test_a_later_retry_does_not_make_the_mailing_look_slow(mailing: Mailing):
    before = counted(mailing)
    assert speed(mailing) == "4 min 0 s, 0.0 mails/s"
    retried = retry_failed([mailing.deliveries.get(status="failed").pk], Decider("eva", NOW))
    assert retried[mailing.pk] == 1
    mailing.refresh_from_db()
    assert figures_of(mailing).fits is False
    assert uncounted_mailings(NOW) == []
    mailing.deliveries.filter(status="queued").update(status="sent", attempts=1, sent_at=NOW, reason="")
    reconcile(mailing.pk)
    finish_mailing(mailing.pk, NOW)
    assert uncounted_mailings(NOW) == [mailing.pk]
    after = counted(mailing, NOW + timedelta(minutes=1))
    assert after.run == before.run
    assert after.domains[1].sent == 3
    assert speed(mailing) == "4 min 0 s, 0.0 mails/s; 1 mail left later, at another attempt"


def test_a_mail_that_comes_back_later_is_counted_without_reading_all_the_others(
    mailing: Mailing, monkeypatch: pytest.MonkeyPatch
):
    counted(mailing)
    assert uncounted_mailings(NOW) == []
    mailing.deliveries.filter(recipient__email="3@b.example").update(status="bounced", reason="address")
    reconcile(mailing.pk)
    assert uncounted_mailings(NOW) == [mailing.pk]
    monkeypatch.setattr(counting, "_count_all", lambda mailing: pytest.fail("all rows were read again"))
    figures = counted(mailing)
    assert figures.domains[1] == AtDomain("b.example", 3, sent=1, failed=1, bounced=1, other=0)
    assert figures.ended[0].count == 7


def test_a_decision_that_no_sum_shows_is_counted_too(mailing: Mailing):
    counted(mailing)
    unsure = mailing.deliveries.get(status="uncertain")
    decide_uncertain([unsure.pk], False, Decider("eva", NOW))
    assert uncounted_mailings(NOW) == [mailing.pk]
    assert [row.reason for row in counted(mailing).ended if row.status == "uncertain"] == ["let_be"]


def test_a_count_is_made_once_and_taken_over_from_who_died(mailing: Mailing):
    MailingFigures.objects.create(mailing=mailing, begun_at=NOW)
    assert not count_figures(mailing.pk, NOW + timedelta(minutes=1))
    assert uncounted_mailings(NOW + timedelta(minutes=1)) == []
    assert count_figures(mailing.pk, NOW + timedelta(hours=1))
    assert not count_figures(mailing.pk, NOW + timedelta(hours=1))


def test_what_changes_during_a_count_is_counted_again(mailing: Mailing, monkeypatch: pytest.MonkeyPatch):
    count_all = counting._count_all

    def overtaken(counting_of: Mailing):
        Mailing.objects.filter(pk=mailing.pk).update(sent=7, bounced=1)
        return count_all(counting_of)

    monkeypatch.setattr(counting, "_count_all", overtaken)
    assert not counted(mailing).fits
    assert uncounted_mailings(NOW) == [mailing.pk]


def test_single_mails_and_tests_have_no_figures(mailing: Mailing):
    Mailing.objects.filter(pk=mailing.pk).update(kind="test")
    assert uncounted_mailings(NOW) == []
    Mailing.objects.filter(pk=mailing.pk).update(kind="notification", list=None)
    assert uncounted_mailings(NOW) == []
