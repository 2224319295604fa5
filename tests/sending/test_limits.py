"""Sending limits: how many mails go, which wait, and when these go; through the database and a real socket."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from uuid import uuid4

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError

from mailer.insight.backlog import backlog
from mailer.insight.pacing import held_in_words, held_of
from mailer.models import Delivery, Digest, HeldGroup, HeldMail, LimitUse, Mailing, RelayPause, SendingLimit
from mailer.scheduling.notifications import plan_notification
from mailer.scheduling.planning import plan_now
from mailer.sending import batch
from mailer.sending.batch import send_range
from mailer.sending.claim import ADMISSION, Range
from mailer.sending.control import pause_mailing, resume_mailing
from mailer.sending.holding import LONGEST_WAIT, begin_turns, end_turns, go_on_turns, release
from mailer.sending.limits import take, used_now
from mailer.sending.relays import relay_name
from tests.build import make_item, subscribe
from tests.fake_relay import FakeRelay

pytestmark = pytest.mark.django_db
THREE = datetime(2026, 11, 23, 15, tzinfo=UTC)
ALL, SENDER, DOMAIN = SendingLimit.Scope


def limit(mails: int, per: int = SendingLimit.Per.MINUTE, scope: str = ALL, name: str = "", kept: int = 0):
    made = SendingLimit(scope=scope, name=name, mails=mails, per=per, kept=kept)
    made.full_clean()
    made.save()
    return made


def send(mailing: Mailing, now: datetime) -> dict[str, object]:
    summary = send_range(Range(mailing.pk, 0, 2**62), uuid4(), lambda: now)
    mailing.refresh_from_db()
    return summary


def send_all(mailing: Mailing, now: datetime, step: Callable[[datetime], None] = lambda now: None) -> list[datetime]:
    """Send and let go as workers do until nothing waits. Returns when the turns were."""
    send(mailing, now)
    turns = []
    while (released := release(now)).again_at is not None or released.ranges:
        turns.append(now)
        for part in released.ranges:
            send_range(part, uuid4(), lambda at=now: at)
        step(now)
        now = released.again_at or now
    mailing.refresh_from_db()
    return turns


@pytest.fixture
def mailing(digest: Digest) -> Mailing:
    """A digest to thirty people: a third at slow.example, and none of the others there."""
    for number in range(27):
        subscribe(digest.list, f"more{number}@{'slow' if number % 3 else 'quick'}.example.org")
    make_item(digest.list)
    return plan_now(digest, THREE)


def test_without_a_limit_nothing_waits_and_nothing_is_counted(mailing: Mailing, relay: FakeRelay):
    summary = send(mailing, THREE)
    assert (summary["sent"], summary["held"], mailing.status) == (30, 0, "done")
    assert not LimitUse.objects.exists()


def test_what_a_limit_allows_goes_and_the_rest_waits_with_a_reason(mailing: Mailing, relay: FakeRelay):
    limit(12)
    summary = send(mailing, THREE)
    assert (summary["sent"], summary["held"], summary["released"], summary["failures"]) == (12, 18, 0, [])
    assert (mailing.status, mailing.sent, mailing.waiting) == ("sending", 12, 18)
    waiting = mailing.deliveries.filter(status="queued")
    assert set(waiting.values_list("reason", "attempts")) == {("paced", 0)}
    assert held_of(mailing) == {"": 18}
    assert held_in_words(mailing) == "18 mails wait for a sending limit."
    assert send(mailing, THREE + timedelta(minutes=5))["planned"] == 0, "they are not due by themselves"


@pytest.mark.parametrize("mails", [1, 4, 7, 29, 30, 31])
def test_in_the_end_everybody_has_one_mail_and_no_second_has_had_more_than_allowed(
    mailing: Mailing, relay: FakeRelay, mails: int
):
    limit(mails, per=SendingLimit.Per.SECOND)
    send_all(mailing, THREE)
    assert (mailing.status, mailing.sent) == ("done", 30)
    assert len(set(relay.recipients())) == len(relay.received) == 30
    times = list(mailing.deliveries.values_list("sent_at", flat=True))
    for at in times:
        assert len([other for other in times if at <= other < at + timedelta(seconds=1)]) <= mails
    assert not HeldMail.objects.exists()


def test_mail_to_a_limited_domain_waits_and_holds_up_nobody_else(mailing: Mailing, relay: FakeRelay):
    limit(2, scope=DOMAIN, name="slow.example.org")
    assert send(mailing, THREE)["held"] == 16
    slow = [address for address in relay.recipients() if address.endswith("@slow.example.org")]
    assert (len(slow), mailing.sent) == (2, 14)
    assert held_of(mailing) == {"slow.example.org": 16}
    assert held_in_words(mailing) == "16 mails wait for a sending limit: 16 to slow.example.org."
    turns = send_all(mailing, THREE)
    assert (mailing.status, len(turns)) == ("done", len(set(turns)))


def test_the_tightest_of_several_limits_decides_and_each_counts_all_that_went(mailing: Mailing, relay: FakeRelay):
    minute, day = limit(20), limit(8, per=SendingLimit.Per.DAY, scope=SENDER, name="example.org")
    send(mailing, THREE)
    for counted in SendingLimit.objects.select_related("use"):
        assert used_now(counted, THREE) == 8
    released = release(THREE + timedelta(hours=1))
    assert not released.ranges
    assert released.again_at == THREE + timedelta(hours=1) + LONGEST_WAIT
    assert release(THREE + timedelta(hours=25, minutes=13)).ranges
    assert (minute.pk, day.pk) == tuple(LimitUse.objects.order_by("pk").values_list("pk", flat=True))


def test_a_limit_of_another_sender_or_one_that_is_off_holds_nothing_up(mailing: Mailing, relay: FakeRelay):
    limit(1, scope=SENDER, name="somebody@example.com")
    SendingLimit.objects.filter(pk=limit(1).pk).update(is_on=False)
    assert send(mailing, THREE)["sent"] == 30


def test_nobodys_place_is_taken_who_gets_no_mail_anyway(mailing: Mailing, relay: FakeRelay):
    limit(30, per=SendingLimit.Per.DAY)
    for subscription in mailing.list.subscriptions.all()[:10]:  # type: ignore[union-attr]
        subscription.status = "unsubscribed"
        subscription.save()
    send(mailing, THREE)
    assert (mailing.sent, mailing.skipped) == (20, 10)
    assert used_now(SendingLimit.objects.select_related("use").get(), THREE) == 20


def test_a_part_is_kept_for_single_mails(mailing: Mailing, relay: FakeRelay, template):
    limit(10, kept=20)
    assert send(mailing, THREE)["sent"] == 8
    for number in range(3):
        single = plan_notification(THREE, f"ada{number}@example.org", "digest", {"count": 1, "items": []})
        send(single, THREE)
        assert single.sent == (1 if number < 2 else 0)
    released = release(THREE + timedelta(minutes=2))
    assert [part.mailing_id for part in released.ranges] == [single.pk, mailing.pk], "single mails first"


def test_a_change_of_a_limit_counts_with_the_next_turn(mailing: Mailing, relay: FakeRelay):
    made = limit(1, per=SendingLimit.Per.DAY)
    send(mailing, THREE)
    SendingLimit.objects.filter(pk=made.pk).update(mails=6)
    (part,) = release(THREE + LONGEST_WAIT).ranges
    assert send_range(part, uuid4(), lambda: THREE + LONGEST_WAIT)["sent"] == 5
    SendingLimit.objects.all().delete()
    (part,) = release(THREE + 2 * LONGEST_WAIT).ranges
    assert send_range(part, uuid4(), lambda: THREE + 2 * LONGEST_WAIT)["sent"] == 24


def test_a_limit_that_is_set_while_a_run_is_under_way_counts_with_the_next_group(
    mailing: Mailing, relay: FakeRelay, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(batch, "GROUP", 10)
    times = count()

    def clock() -> datetime:
        if relay.received:  # some of the first ten have gone
            SendingLimit.objects.get_or_create(scope=ALL, name="", mails=2, per=SendingLimit.Per.DAY)
        return THREE + next(times) * timedelta(seconds=0.3)

    summary = send_range(Range(mailing.pk, 0, 2**62), uuid4(), clock)
    # Seen a second later at most, that is when the second ten have taken their places or before.
    assert (summary["sent"], summary["held"]) in ((12, 18), (22, 8))


def test_what_was_let_go_and_could_not_be_sent_for_a_minute_asks_again(mailing: Mailing, relay: FakeRelay):
    limit(10, per=SendingLimit.Per.DAY)
    send(mailing, THREE)
    later = THREE + timedelta(days=2)
    (part,) = release(later).ranges
    SendingLimit.objects.update(mails=1)
    at_once = later + ADMISSION - timedelta(seconds=1)
    assert send_range(Range(part.mailing_id, part.first, part.first), uuid4(), lambda: at_once)["sent"] == 1
    summary = send_range(part, uuid4(), lambda: later + ADMISSION)
    assert (summary["sent"], summary["held"]) == (0, 9)


def test_a_paused_mailing_takes_no_place_and_goes_on_where_it_was(mailing: Mailing, relay: FakeRelay):
    limit(12)
    send(mailing, THREE)
    pause_mailing(mailing.pk)
    later = THREE + timedelta(seconds=10)
    released = release(later)
    assert (released.ranges, released.again_at) == ([], later + LONGEST_WAIT)
    resume_mailing(mailing.pk, later)
    send_all(mailing, later)
    assert (mailing.status, mailing.sent) == ("done", 30)


def test_what_was_cancelled_waits_no_more(mailing: Mailing, relay: FakeRelay):
    limit(12)
    send(mailing, THREE)
    Mailing.objects.filter(pk=mailing.pk).update(status="cancelled")
    released = release(THREE + timedelta(seconds=10))
    assert (released.ranges, released.again_at) == ([], None)
    assert not HeldMail.objects.exists()
    assert not HeldGroup.objects.exists()


def test_nothing_is_let_go_while_the_mail_server_is_paused(mailing: Mailing, relay: FakeRelay):
    limit(12)
    send(mailing, THREE)
    later = THREE + timedelta(minutes=2)
    RelayPause.objects.create(relay=relay_name(), reason="away", retry_at=later + timedelta(seconds=20))
    released = release(later)
    assert (released.ranges, released.again_at) == ([], later + LONGEST_WAIT)


def test_mailings_take_turns(mailing: Mailing, digest: Digest, relay: FakeRelay):
    limit(5)
    make_item(digest.list, "More")
    other = plan_now(digest, THREE + timedelta(seconds=1))
    send(mailing, THREE)
    send(other, THREE)
    first = [release(THREE + timedelta(minutes=2 * turn)).ranges[0].mailing_id for turn in range(1, 5)]
    assert sorted(first) == sorted([mailing.pk, other.pk] * 2)
    assert first[0] != first[1]


def test_one_chain_of_turns_at_a_time_and_a_broken_one_is_begun_anew(mailing: Mailing, relay: FakeRelay):
    assert begin_turns(THREE) is None, "nothing waits"
    limit(12)
    send(mailing, THREE)
    first = begin_turns(THREE)
    assert first is not None
    assert begin_turns(THREE + timedelta(seconds=1)) is None
    second = go_on_turns(first, THREE + timedelta(seconds=1))
    assert second is not None
    assert go_on_turns(first, THREE + timedelta(seconds=2)) is None, "a message that came twice"
    anew = begin_turns(THREE + timedelta(minutes=1))
    assert anew is not None
    assert go_on_turns(second, THREE + timedelta(minutes=1)) is None, "the old chain ends"
    end_turns(THREE + timedelta(minutes=1))
    assert begin_turns(THREE + timedelta(minutes=1)) is not None


def test_when_nothing_is_free_all_of_it_waits(mailing: Mailing, relay: FakeRelay):
    made = limit(12, per=SendingLimit.Per.DAY)
    assert take([made], 12, is_single=False, now=THREE).mails == 12
    send(mailing, THREE)
    assert mailing.waiting == 30
    assert Delivery.objects.filter(reason="paced").count() == HeldMail.objects.count() == 30


@pytest.mark.parametrize(
    ("scope", "name", "stored"),
    [
        (ALL, "ignored.example", ""),
        (SENDER, "News@Example.ORG ", "news@example.org"),
        (SENDER, "@Example.org", "example.org"),
        (DOMAIN, "MÜLLER.example", "xn--mller-kva.example"),
    ],
)
def test_a_limits_name_is_kept_in_its_normal_form(scope: str, name: str, stored: str):
    assert limit(5, scope=scope, name=name).name == stored


@pytest.mark.parametrize(
    ("scope", "name"), [(SENDER, ""), (DOMAIN, ""), (DOMAIN, "ada@example.org"), (DOMAIN, "no domain"), (SENDER, "x@")]
)
def test_a_name_that_fits_no_mail_is_refused(scope: str, name: str):
    with pytest.raises(ValidationError):
        limit(5, scope=scope, name=name)


def test_there_is_one_limit_for_a_window():
    limit(5)
    with pytest.raises(ValidationError, match="change that one"):
        limit(6)
    with pytest.raises(IntegrityError):
        SendingLimit.objects.create(scope=ALL, mails=6, per=60)


def test_a_limit_that_is_deleted_while_somebody_takes_from_it_is_no_error(db: None):
    made = limit(5)
    SendingLimit.objects.filter(pk=made.pk).delete()
    assert take([made], 3, is_single=False, now=THREE).mails == 3


def test_the_first_page_tells_what_waits_for_a_limit_from_what_waits_for_its_time(mailing: Mailing, relay: FakeRelay):
    limit(12)
    send(mailing, THREE)
    Delivery.objects.filter(pk__in=mailing.deliveries.filter(reason="paced").values("pk")[:3]).update(reason="")
    HeldMail.objects.filter(delivery__reason="").delete()
    queue = backlog(THREE)
    assert (queue.waiting, queue.paced, queue.later) == (18, 15, 3)
