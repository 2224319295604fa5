"""A digest that is spread: each mail has its own second of the window, and none is late for it."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from mailer.insight.backlog import backlog
from mailer.models import Delivery, Digest, Mailing
from mailer.scheduling.planning import plan_due, plan_now
from mailer.sending.wakeups import SHARE_EVERY, due_ranges, note_next_share, note_woken, waiting_mailings
from mailer.tasks import deliver
from tests.build import make_item, subscribe
from tests.fake_relay import FakeRelay

pytestmark = pytest.mark.django_db
THREE = datetime(2026, 11, 23, 15, tzinfo=UTC)


@pytest.fixture
def spread(digest: Digest) -> Digest:
    """The list's digest to forty people, spread over twenty minutes."""
    for number in range(37):
        subscribe(digest.list, f"more{number}@example.org")
    make_item(digest.list)
    digest.spread_minutes = 20
    digest.save()
    return digest


def due_times(mailing: Mailing) -> list[datetime]:
    return [due for due in mailing.deliveries.order_by("pk").values_list("next_attempt_at", flat=True) if due]


def test_the_mails_are_spread_evenly_from_the_time_up_to_the_end(spread: Digest):
    (mailing,) = plan_due(THREE)
    assert (mailing.planned, mailing.has_more, mailing.spread_until) == (40, False, THREE + timedelta(minutes=20))
    assert due_times(mailing) == [THREE + timedelta(seconds=30 * number) for number in range(40)]


@pytest.mark.parametrize("people", [1, 3, 7, 1201])
def test_however_many_they_are_none_is_before_its_time_or_at_the_end(digest: Digest, people: int):
    for number in range(people - 3):
        subscribe(digest.list, f"more{number}@example.org")
    if people < 3:
        digest.list.subscriptions.all()[people:].first().delete()  # type: ignore[union-attr]
        digest.list.subscriptions.last().delete()  # type: ignore[union-attr]
    make_item(digest.list)
    Digest.objects.update(spread_minutes=20)
    (mailing,) = plan_due(THREE)
    times = due_times(mailing)
    assert len(times) == mailing.planned == people
    assert times[0] == THREE
    assert all(THREE <= due < THREE + timedelta(minutes=20) for due in times)
    gaps = {(after - before).total_seconds() for before, after in pairwise(times)}
    assert not gaps or max(gaps) - min(gaps) <= 1


def test_only_what_has_fallen_due_is_sent_and_in_the_end_all_of_it(spread: Digest, relay: FakeRelay):
    (mailing,) = plan_due(THREE)
    sent = []
    for minutes in (0, 5, 10, 19, 20):
        now = THREE + timedelta(minutes=minutes)
        assert waiting_mailings(now) == [mailing.pk]
        for part in due_ranges(mailing.pk, now):
            Delivery.objects.filter(pk__range=(part.first, part.last)).update(next_attempt_at=THREE)
            deliver.apply(args=(mailing.pk, part.first, part.last))
        sent.append(len(relay.received))
    assert sent == [1, 11, 21, 39, 40]
    assert len(set(relay.recipients())) == 40
    mailing.refresh_from_db()
    assert mailing.status == Mailing.Status.DONE


def test_late_it_catches_up_to_where_it_would_be_and_after_its_end_it_goes_at_once(spread: Digest):
    (mailing,) = plan_due(THREE + timedelta(minutes=15))
    due = [part.last - part.first + 1 for part in due_ranges(mailing.pk, THREE + timedelta(minutes=15))]
    assert due == [31]
    Mailing.objects.all().delete()
    Digest.objects.update(checked_through=THREE - timedelta(hours=1))
    (mailing,) = plan_due(THREE + timedelta(minutes=25))
    assert due_times(mailing) == []


def test_what_is_sent_by_hand_is_not_spread(spread: Digest):
    mailing = plan_now(spread, THREE)
    assert (mailing.spread_until, due_times(mailing)) == (None, [])


def test_the_next_share_is_called_by_one_and_not_while_the_mailing_rests(spread: Digest):
    (mailing,) = plan_due(THREE)
    note_woken(mailing.pk, THREE)
    assert not note_next_share(mailing.pk, THREE + SHARE_EVERY / 4)
    assert note_next_share(mailing.pk, THREE + SHARE_EVERY)
    assert not note_next_share(mailing.pk, THREE + SHARE_EVERY)
    Mailing.objects.update(status=Mailing.Status.PAUSED)
    assert not note_next_share(mailing.pk, THREE + SHARE_EVERY * 3)


def test_a_mailing_is_not_the_oldest_unsent_while_it_is_spread(spread: Digest):
    (mailing,) = plan_due(THREE)
    assert backlog(THREE + timedelta(minutes=19)).oldest is None
    assert backlog(THREE + timedelta(minutes=20)).oldest == mailing
