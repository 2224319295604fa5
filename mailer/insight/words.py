"""Times with their zone and numbers with their unit, as staff read them."""

from datetime import datetime, timedelta

from django.utils import timezone


def when(moment: datetime | None) -> str:
    """A moment in the active time zone, with the zone's name: `Mon 23 Nov 2026 15:00 UTC`; a dash for none."""
    if moment is None:
        return "–"
    local = timezone.localtime(moment)
    return f"{local:%a %-d %b %Y %H:%M} {local.tzinfo}"


def when_there(moment: datetime) -> str:
    """A moment in the zone that it carries itself, for schedules: `Mon 23 Nov 2026 15:00 Europe/Berlin`."""
    return f"{moment:%a %-d %b %Y %H:%M} {moment.tzinfo}"


def when_exactly(moment: datetime | None) -> str:
    """The same to the second, for logs."""
    if moment is None:
        return "–"
    local = timezone.localtime(moment)
    return f"{local:%a %-d %b %Y %H:%M:%S} {local.tzinfo}"


def when_today(moment: datetime) -> str:
    """The time of day in the active zone, with the zone's name: `15:00 UTC`."""
    local = timezone.localtime(moment)
    return f"{local:%H:%M} {local.tzinfo}"


def when_near(moment: datetime, other: datetime) -> str:
    """To the second: the time of day, and the date too if it is not that of the other moment: `15:00:07 UTC`."""
    local = timezone.localtime(moment)
    return (
        f"{local:%H:%M:%S} {local.tzinfo}" if local.date() == timezone.localtime(other).date() else when_exactly(moment)
    )


def clock(moment: datetime) -> str:
    """The time of day in the zone that the moment carries, as people say it: `3 PM`, `3:20 PM`."""
    return f"{moment:%-I %p}" if moment.minute == 0 else f"{moment:%-I:%M %p}"


def how_long(span: timedelta) -> str:
    """A span in its two largest units: `2 h 10 min`, `3.1 s`, `1 d 4 h`."""
    seconds = span.total_seconds()
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes = int(seconds // 60)
    if minutes < 60:
        return f"{minutes} min {int(seconds % 60)} s"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min"
    return f"{hours // 24} d {hours % 24} h"


def size(count: int) -> str:
    """So many bytes as people say it: `290.3 MB`, or `4.1 KB`."""
    return f"{count / 1_000_000:,.1f} MB" if count >= 1_000_000 else f"{count / 1_000:,.1f} KB"


def count_of(number: int, one: str, many: str = "") -> str:
    """A number with its unit: `1 delivery`, `12,000 deliveries`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
