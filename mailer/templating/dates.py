"""Django's `date` filter for a format that is known: the format is taken apart once a language, not once a date."""

from collections.abc import Callable
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from django.utils.dateformat import re_escaped, re_formatchars
from django.utils.dates import MONTHS, MONTHS_3, MONTHS_ALT, MONTHS_AP, WEEKDAYS, WEEKDAYS_ABBR
from django.utils.formats import get_format
from django.utils.translation import gettext

from mailer.templating.builtins import ALLOWED
from mailer.templating.source import Source

#: What a letter is made of; `at` is the date. Other letters, which ask about zones or calendars, are left to Django.
_OF_DAY = {
    "d": "{two}[at.day]", "j": "{one}[at.day]", "D": "{day_short}[at.weekday()]", "l": "{day}[at.weekday()]",
    "m": "{two}[at.month]", "n": "{one}[at.month]", "b": "{month_small}[at.month]", "M": "{month_short}[at.month]",
    "F": "{month}[at.month]", "E": "{month_other}[at.month]", "N": "{month_ap}[at.month]",
    "y": "{two}[at.year % 100]", "Y": "{four}(at.year)",
}  # fmt: skip
_OF_TIME = {
    "H": "{two}[at.hour]", "G": "{one}[at.hour]", "h": "{two}[at.hour % 12 or 12]", "g": "{one}[at.hour % 12 or 12]",
    "i": "{two}[at.minute]", "s": "{two}[at.second]", "A": "{half}[at.hour > 11]", "a": "{half_small}[at.hour > 11]",
}  # fmt: skip


@lru_cache(maxsize=256)
def date_writer(date_format: str, language: str | None) -> Callable[[Any], str]:
    """The filter for one format and the language that is active, whose code is `language`."""

    def plain(value: Any) -> str:
        return str(ALLOWED["date"](value, date_format))

    return _write(re_formatchars.split(get_format(date_format or "DATE_FORMAT")), plain) or plain


def _write(pieces: list[str], plain: Callable[[Any], str]) -> Callable[[Any], str] | None:
    """A function for moments, and for days if it has no letter of a time; what else there is, it leaves to `plain`.

    None if there is a letter that is left to Django.
    """
    letters_used = set(pieces[1::2])
    if not letters_used <= _OF_DAY.keys() | _OF_TIME.keys():
        return None
    source = Source()
    names = {name: source.bind(table) for name, table in _tables().items()}
    written = [
        (_OF_DAY | _OF_TIME)[piece].format(**names) if number % 2 else source.bind(re_escaped.sub(r"\1", piece))
        for number, piece in enumerate(pieces)  # in turn a text, which may be empty, and a letter
        if piece
    ]
    day = "" if _OF_TIME.keys() & letters_used else f" and type(at) is not {source.bind(date)}"
    with source.block(f"if type(at) is not {source.bind(datetime)}{day}:"):
        source.line(f"return {source.bind(plain)}(at)")
    source.line('return f"' + "".join(f"{{{each}}}" for each in written) + '"')
    return source.function("at")


def _tables() -> dict[str, Any]:
    """Numbers and names in the language that is active."""
    return {
        "one": [str(number) for number in range(32)],
        "two": [f"{number:02d}" for number in range(100)],
        "four": "{:04d}".format,
        "day": [str(WEEKDAYS[number]) for number in range(7)],
        "day_short": [str(WEEKDAYS_ABBR[number]) for number in range(7)],
        "month": _months(MONTHS),
        "month_short": [name.title() for name in _months(MONTHS_3)],
        "month_small": _months(MONTHS_3),
        "month_other": _months(MONTHS_ALT),
        "month_ap": _months(MONTHS_AP),
        "half": [gettext("AM"), gettext("PM")],
        "half_small": [gettext("a.m."), gettext("p.m.")],
    }


def _months(names: dict[int, Any]) -> list[str]:
    """From 1 on."""
    return ["", *(str(names[number]) for number in range(1, 13))]
