"""Which moments a crontab names, on clocks that change."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.scheduling.occurrences import InvalidSchedule, due, upcoming

THREE = "0 15 * * *"


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc]


def test_three_in_the_afternoon_is_due_at_three_and_not_before():
    assert due(THREE, "UTC", utc(2026, 11, 23, 14), utc(2026, 11, 23, 14, 59, 59)) == []
    assert due(THREE, "UTC", utc(2026, 11, 23, 14), utc(2026, 11, 23, 15)) == [utc(2026, 11, 23, 15)]


def test_a_moment_that_was_looked_at_is_not_due_again():
    assert due(THREE, "UTC", utc(2026, 11, 23, 15), utc(2026, 11, 23, 23)) == []


@pytest.mark.parametrize(
    "zone", ["America/New_York", "Europe/London", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kolkata"]
)
@pytest.mark.parametrize("year", [2011, 2020, 2026])
def test_three_strikes_once_on_each_local_date_that_exists(zone: str, year: int):
    found = due(THREE, zone, utc(year, 1, 1), utc(year + 1, 1, 1))
    local = [moment.astimezone(ZoneInfo(zone)) for moment in found]
    assert {(moment.hour, moment.minute) for moment in local} == {(15, 0)}
    assert len({moment.date() for moment in local}) == len(local)
    # Samoa had no 30 December 2011: it went across the date line.
    assert [moment.date() for moment in local] == [
        moment.date()
        for day in range(-1, 367)
        if utc(year, 1, 1)
        < (moment := datetime(year, 1, 1, 15, tzinfo=ZoneInfo(zone)) + timedelta(days=day))
        < utc(year + 1, 1, 1)
        # Samoa had no 30 December 2011: it went across the date line.
        and moment.astimezone(UTC).astimezone(ZoneInfo(zone)).date() == moment.date()
    ]


@pytest.mark.parametrize(
    ("zone", "date"),
    [("America/New_York", (2026, 3, 8)), ("Europe/London", (2026, 3, 29)), ("Europe/Berlin", (2026, 3, 29))],
)
def test_a_time_that_the_clocks_skip_strikes_once_that_day(zone: str, date: tuple[int, int, int]):
    start = datetime(*date, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    cron = "30 1 * * *" if zone == "Europe/London" else "30 2 * * *"
    assert len(due(cron, zone, start, start + timedelta(hours=22))) == 1


@pytest.mark.parametrize(
    ("zone", "date"),
    [("America/New_York", (2026, 11, 1)), ("Europe/London", (2026, 10, 25)), ("Europe/Berlin", (2026, 10, 25))],
)
def test_a_time_that_the_clocks_repeat_strikes_once_that_day(zone: str, date: tuple[int, int, int]):
    start = datetime(*date, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    cron = "30 2 * * *" if zone == "Europe/Berlin" else "30 1 * * *"
    assert len(due(cron, zone, start, start + timedelta(hours=23))) == 1


def test_weekdays_and_days_must_both_match_as_celery_has_it():
    friday_the_13th = due("0 15 13 * fri", "UTC", utc(2026, 1, 1), utc(2027, 1, 1))
    assert friday_the_13th == [utc(2026, 2, 13, 15), utc(2026, 3, 13, 15), utc(2026, 11, 13, 15)]
    workdays = due("0 15 * * mon-fri", "UTC", utc(2026, 11, 21), utc(2026, 11, 28, 23))
    assert [moment.day for moment in workdays] == [23, 24, 25, 26, 27]


@pytest.mark.parametrize("cron", ["", "0 15", "x 15 * * *", "0 25 * * *", "0 15 * * someday", "0 15 * * * *"])
def test_a_crontab_that_is_none_is_refused(cron: str):
    with pytest.raises(InvalidSchedule):
        due(cron, "UTC", utc(2026, 1, 1), utc(2026, 1, 2))


def test_the_next_five_are_told_in_the_zone():
    found = upcoming(THREE, "Europe/Berlin", utc(2026, 11, 23, 14, 30), 5)
    assert [str(moment) for moment in found[:2]] == ["2026-11-24 15:00:00+01:00", "2026-11-25 15:00:00+01:00"]
    assert len(found) == 5
    assert upcoming("0 15 29 2 *", "UTC", utc(2026, 1, 1), 5) == []


@given(
    st.lists(st.integers(1, 60 * 24 * 3), max_size=12),
    st.sampled_from(["Europe/Berlin", "America/St_Johns", "Pacific/Chatham", "Australia/Lord_Howe"]),
    st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1)),
)
def test_however_the_looks_are_spaced_each_moment_is_found_once(minutes: list[int], zone: str, start: datetime):
    since = start.replace(tzinfo=UTC)
    looks = sorted(since + timedelta(minutes=minute) for minute in minutes)
    found, before = [], since
    for look in looks:
        found += due("0 15 * * *", zone, before, look)
        before = look
    assert found == (due("0 15 * * *", zone, since, looks[-1]) if looks else [])
