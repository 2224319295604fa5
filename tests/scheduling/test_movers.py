"""Who moves to another time zone gets one digest for each local date: not two, and not none."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st

from mailer.models import Delivery, Digest, EmailTemplate, Mailing, Recipient, RecipientList, Subscription
from mailer.scheduling.occurrences import due
from mailer.scheduling.planning import plan_due
from mailer.sending.record import finish_mailing
from tests.build import make_digest, make_item, make_list, subscribe

pytestmark = pytest.mark.django_db

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
ZONES = [
    "Pacific/Kiritimati", "Pacific/Auckland", "Australia/Lord_Howe", "Asia/Tokyo", "Asia/Kolkata", "Europe/Berlin",
    "Europe/London", "America/New_York", "America/Los_Angeles", "Pacific/Pago_Pago", "Etc/GMT+12", "",
]  # fmt: skip
#: An ordinary day, and the days before clocks go on and back in America, Europe and Lord Howe.
STARTS = [
    datetime(2026, month, day, tzinfo=UTC)
    for month, day in [(1, 14), (3, 7), (3, 28), (4, 4), (10, 3), (10, 24), (10, 31)]
]
minutes = st.integers(min_value=0, max_value=4 * 24 * 60 - 1)


def make_local_digest(template: EmailTemplate, since: datetime) -> Digest:
    """A digest by each recipient's clock, of a list that nobody has touched for long."""
    mailing_list = make_list("news")
    digest = make_digest(mailing_list, template, in_recipients_zone=True, send_when_empty=True)
    RecipientList.objects.update(changed_at=LONG_AGO)
    Digest.objects.update(created_at=LONG_AGO, checked_through=since)
    return digest


def join(digest: Digest, address: str, zone: str) -> Recipient:
    person = subscribe(digest.list, address, time_zone=zone)
    Subscription.objects.filter(recipient=person).update(subscribed_at=LONG_AGO)
    Recipient.objects.filter(pk=person.pk).update(changed_at=LONG_AGO)
    return person


def move(person: Recipient, zone: str, now: datetime) -> None:
    Recipient.objects.filter(pk=person.pk).update(time_zone=zone, changed_at=now)


def dates_had(person: Recipient) -> Counter[date]:
    rows = Delivery.objects.filter(recipient=person).values_list("mailing__scheduled_for", "mailing__time_zone")
    return Counter(moment.astimezone(ZoneInfo(zone)).date() for moment, zone in rows)


def last_date(zone: str, now: datetime) -> date:
    """The local date of the last 15:00 that the zone's clocks have shown."""
    return (
        due("0 15 * * *", zone or "UTC", now - timedelta(hours=26), now)[-1].astimezone(ZoneInfo(zone or "UTC")).date()
    )


@pytest.mark.long
@pytest.mark.timeout(400)  # each example is up to a hundred ticks
@settings(settings.get_profile("one fixture"), max_examples=8)
@given(
    start=st.sampled_from(STARTS),
    home=st.sampled_from(ZONES),
    moves=st.dictionaries(minutes, st.sampled_from(ZONES), max_size=8),
    others=st.lists(st.sampled_from(ZONES), max_size=4, unique=True),
)
def test_after_each_tick_a_mover_has_one_digest_for_the_last_local_date_and_never_two(
    template: EmailTemplate, start: datetime, home: str, moves: dict[int, str], others: list[str]
):
    with transaction.atomic():
        digest = make_local_digest(template, start - timedelta(hours=28))
        for number, zone in enumerate(others):
            join(digest, f"other{number}@example.org", zone)
        person, zone = join(digest, "mover@example.org", home), home
        for hour in range(-27, 4 * 24):
            now = start + timedelta(hours=hour)
            for minute in sorted(moves):
                moved = start + timedelta(minutes=minute)
                if now - timedelta(hours=1) < moved <= now:
                    move(person, zone := moves[minute], moved)
            for mailing in plan_due(now):
                Delivery.objects.filter(mailing=mailing).update(status="sent", sent_at=now)
                Mailing.objects.filter(pk=mailing.pk).update(status="done", finished_at=now)
            had = dates_had(person)
            assert hour < 0 or had[last_date(zone, now)] == 1, (now, zone, had)
            assert max(had.values(), default=1) == 1, (now, zone, had)
        for each in Mailing.objects.exclude(status="skipped"):
            assert each.planned == each.deliveries.count()
        transaction.set_rollback(True)


def at(hour: int, minute: int = 0, day: int = 23) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


def test_who_moves_west_after_todays_digest_gets_no_second_one(template: EmailTemplate):
    digest = make_local_digest(template, at(5))
    person = join(digest, "mover@example.org", "Asia/Tokyo")
    join(digest, "stays@example.org", "Europe/Berlin")
    plan_due(at(6))
    move(person, "Europe/Berlin", at(10))
    (mailing,) = plan_due(at(14))
    assert [delivery.recipient.email for delivery in mailing.deliveries.all()] == ["stays@example.org"]
    assert [mailing.planned for mailing in plan_due(at(14, day=24))] == [2]


def test_who_moves_east_before_todays_digest_is_added_to_the_one_that_went(template: EmailTemplate):
    digest = make_local_digest(template, at(5))
    make_item(digest.list)
    person = join(digest, "mover@example.org", "America/New_York")
    join(digest, "stays@example.org", "Europe/London")
    (mailing,) = plan_due(at(15))
    Delivery.objects.update(status="sent", sent_at=at(15))
    Mailing.objects.update(sent=1)
    finish_mailing(mailing.pk, at(15, 1))
    move(person, "Europe/London", at(15, 30))
    (again,) = plan_due(at(15, 31))
    assert (again.pk, again.status, again.planned, again.finished_at) == (mailing.pk, "sending", 2, None)
    assert plan_due(at(20)) == plan_due(at(21)) == []
    assert dates_had(person) == {date(2026, 11, 23): 1}


def test_who_moves_where_nobody_was_gets_a_mailing_of_their_own_late(template: EmailTemplate):
    digest = make_local_digest(template, at(5))
    make_item(digest.list)
    person = join(digest, "mover@example.org", "America/New_York")
    assert plan_due(at(15)) == []
    move(person, "Europe/London", at(19))
    (mailing,) = plan_due(at(19, 1))
    assert (mailing.scheduled_for, mailing.time_zone, mailing.planned) == (at(15), "Europe/London", 1)
    assert mailing.mailing_items.count() == 1
    assert plan_due(at(19, 2)) == []


def test_who_joins_after_todays_digest_waits_for_tomorrows(template: EmailTemplate):
    digest = make_local_digest(template, at(5))
    join(digest, "stays@example.org", "Europe/London")
    plan_due(at(15))
    late = join(digest, "late@example.org", "Europe/London")
    Recipient.objects.filter(pk=late.pk).update(changed_at=at(16))
    Subscription.objects.filter(recipient=late).update(subscribed_at=at(16))
    assert plan_due(at(16, 1)) == []


def test_people_who_stay_cost_no_look_at_what_they_had(template: EmailTemplate):
    digest = make_local_digest(template, at(5))
    for number in range(20):
        join(digest, f"tokyo{number}@example.org", "Asia/Tokyo")
        join(digest, f"berlin{number}@example.org", "Europe/Berlin")
    plan_due(at(6))
    with CaptureQueriesContext(connection) as few:
        plan_due(at(14))
    inserts = [query for query in few.captured_queries if "INSERT INTO mailer_delivery" in query["sql"]]
    assert len(inserts) == 1
