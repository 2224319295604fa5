"""Three in the afternoon strikes once on each date of 2020 to 2035, in every zone that there is."""

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest

from mailer.scheduling.occurrences import due

FIRST, LAST = date(2020, 1, 1), date(2035, 12, 31)
DATES = [FIRST + timedelta(days=number) for number in range((LAST - FIRST).days + 1)]
CHUNKS = 4


def wall(day: date, hour: int, zone: ZoneInfo | None = None) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=zone)


def kinds_of_clocks() -> list[list[str]]:
    """All zones, those together whose clocks agree at night and in the afternoon of every date."""
    looks = [wall(day, hour) for day in DATES for hour in (3, 15)]
    groups: defaultdict[int, list[str]] = defaultdict(list)
    for name in sorted(available_timezones()):
        zone = ZoneInfo(name)
        groups[hash(tuple(zone.utcoffset(look) for look in looks))].append(name)
    return list(groups.values())


@pytest.mark.long
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_three_strikes_once_on_every_date_in_every_zone(chunk: int):
    kinds = kinds_of_clocks()
    assert sum(map(len, kinds)) > 400
    for names in kinds[chunk::CHUNKS]:
        zone = ZoneInfo(names[0])
        before = wall(FIRST - timedelta(days=1), 15, zone).astimezone(UTC)
        expected = [wall(day, 15, zone).astimezone(UTC) for day in DATES]
        assert [moment.astimezone(zone).replace(tzinfo=None) for moment in expected] == [wall(day, 15) for day in DATES]
        assert due("0 15 * * *", names[0], before, expected[-1]) == expected, names
