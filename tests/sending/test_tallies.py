"""Mails are counted by the hour when their outcomes are written down, and an hour's rows become one."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone

from mailer.models import Digest, Tally
from mailer.scheduling.planning import plan_now
from mailer.sending.tallies import fold_tallies, hour_of, tally
from mailer.tasks import deliver
from tests.build import make_item
from tests.fake_relay import FakeRelay

THREE = datetime(2026, 11, 23, 15, tzinfo=UTC)


def figures() -> dict[datetime, tuple[int, ...]]:
    return {row.hour: (row.sent, row.failed, row.skipped, row.uncertain, row.retry) for row in Tally.objects.all()}


def test_a_batch_leaves_its_figures(digest: Digest, relay: FakeRelay):
    relay.answer("RCPT", "550 5.1.1 unknown", to="person1@example.org")
    make_item(digest.list)
    mailing = plan_now(digest, timezone.now())
    ids = sorted(mailing.deliveries.values_list("pk", flat=True))
    deliver.apply(args=(mailing.pk, ids[0], ids[-1]))
    fold_tallies()
    assert list(figures().values()) == [(2, 1, 0, 0, 0)]
    assert timedelta() <= timezone.now() - next(iter(figures())) < timedelta(hours=2)


def test_an_hour_is_folded_into_one_row_and_others_are_left_alone(db: None):
    for minute, done in ((1, {"sent": 500}), (59, {"sent": 3, "uncertain": -3}), (59, {"retry": 7}), (60, {"sent": 1})):
        tally(done, THREE + timedelta(minutes=minute))
    fold_tallies()
    fold_tallies()
    assert Tally.objects.count() == 2
    assert figures() == {THREE: (503, 0, 0, -3, 7), THREE + timedelta(hours=1): (1, 0, 0, 0, 0)}


def test_a_group_without_outcomes_leaves_nothing(db: None):
    tally({"sent": 0, "planned": 5}, THREE)
    assert not Tally.objects.exists()


def test_the_hour_is_that_of_utc():
    assert hour_of(datetime.fromisoformat("2026-11-23T20:45:10+05:30")) == THREE


@pytest.mark.django_db(transaction=True)
def test_folding_twice_at_once_counts_nothing_twice():
    for _ in range(50):
        tally({"sent": 2}, THREE)

    def fold(number: int) -> None:
        try:
            tally({"sent": 1}, THREE)
            fold_tallies()
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as workers:
        list(workers.map(fold, range(12)))
    fold_tallies()
    assert figures() == {THREE: (112, 0, 0, 0, 0)}
    assert Tally.objects.count() == 1
