"""The template library `post`: the admin's own templates load it for times, numbers, labels and links."""

import json
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django import template
from django.contrib.admin.models import LogEntry
from django.db.models import Model
from django.utils import timezone

from mailer.admin.access import shown_address, shown_text
from mailer.admin.changes import entry_in_words
from mailer.admin.columns import outcome_bar, page_of, state_label
from mailer.audience.staging_guard import guard_in_words
from mailer.insight import words
from mailer.insight.outcomes import Share, shares, sum_line
from mailer.models import Digest, Mailing
from mailer.scheduling.schedules import schedule_in_words

register = template.Library()


@register.filter
def when(moment: datetime | None) -> str:
    """A moment with its zone."""
    return words.when(moment)


@register.filter
def size(count: int) -> str:
    """So many bytes."""
    return words.size(count)


@register.filter
def when_exactly(moment: datetime | None) -> str:
    """A moment with its seconds and its zone."""
    return words.when_exactly(moment)


@register.filter
def when_today(moment: datetime) -> str:
    """A moment of today: the time of day with its zone."""
    return words.when_today(moment)


@register.filter
def clock(moment: datetime) -> str:
    """The time of day as people say it: 3 PM."""
    return words.clock(timezone.localtime(moment))


@register.filter
def ago(moment: datetime) -> str:
    """How long ago a moment was."""
    return f"{words.how_long(max(timezone.now() - moment, timedelta()))} ago"


@register.filter
def when_in(moment: datetime, zone: str) -> str:
    """A moment by the clocks of a zone."""
    return words.when_there(moment.astimezone(ZoneInfo(zone)))


@register.filter
def thousands(number: int | str | None) -> str:
    """A number with its thousands set apart; 0 for what a summary does not name."""
    return f"{int(number or 0):,}"


@register.filter
def count_of(number: int, unit: str) -> str:
    """A number with its unit, in the plural where it must be."""
    return words.count_of(number, unit)


@register.filter
def label(value: str, text: str = "") -> str:
    """A state as a label."""
    return state_label(value, text)


@register.filter
def address(text: str) -> str:
    """A mail address as the person who looks may see it."""
    return shown_address(text)


@register.filter
def addresses(text: str) -> str:
    """A text with the addresses in it as the person who looks may see them."""
    return shown_text(text)


@register.filter
def done(entry: LogEntry) -> str:
    """What an entry of the log of changes says."""
    return shown_text(entry_in_words(entry))


@register.filter
def page(target: Model) -> str:
    """The address of an object's admin page."""
    return page_of(target)


@register.filter
def kind(target: Model) -> str:
    """What sort of object it is, for a link to it."""
    return str(target._meta.verbose_name)


@register.filter
def bar(parts: list[Share]) -> str:
    """The shares as a bar."""
    return outcome_bar(parts)


@register.filter
def sums(mailing: Mailing) -> str:
    """A mailing's sum line."""
    return sum_line(mailing)


@register.filter
def outcomes(mailing: Mailing) -> list[Share]:
    """The parts of a mailing's bar."""
    return shares(mailing)


@register.filter
def goes(digest: Digest) -> str:
    """A digest's schedule in words."""
    return schedule_in_words(digest)


@register.simple_tag
def staging_guard() -> str:
    """What the staging guard does, with addresses as the person who looks may see them; empty if there is none."""
    return shown_text(guard_in_words())


@register.filter
def unquoted(text: str | None) -> str:
    """A task's arguments as they are stored, without the JSON quotes around their repr."""
    try:
        return str(json.loads(text or '""'))
    except ValueError:
        return text or ""
