"""A crontab's weekdays as boxes to tick, and back."""

from celery.schedules import crontab_parser

#: The week as people see it, by crontab's names.
WEEK = (
    ("mon", "Monday"),
    ("tue", "Tuesday"),
    ("wed", "Wednesday"),
    ("thu", "Thursday"),
    ("fri", "Friday"),
    ("sat", "Saturday"),
    ("sun", "Sunday"),
)
_NAMES = [name for name, _ in WEEK]


def days_of(text: str) -> list[str]:
    """`mon-fri`, `1-5`, `*` … as names of days in the order of the week. Raises celery's ParseException."""
    struck = crontab_parser(7).parse(text)
    # A crontab's week begins with Sunday as 0, ours ends with it.
    return [name for place, name in enumerate(_NAMES) if (place + 1) % 7 in struck]


def text_of(days: list[str]) -> str:
    """The days as crontab text, as short as people write it: `*`, `mon-fri`, `mon,wed`."""
    places = sorted(_NAMES.index(day) for day in set(days))
    if len(places) == len(_NAMES):
        return "*"
    in_a_row = len(places) > 2 and places[-1] - places[0] == len(places) - 1
    # Not up to Sunday: `sat-sun` would run backwards for crontab, whose Sunday is 0.
    if in_a_row and places[-1] < _NAMES.index("sun"):
        return f"{_NAMES[places[0]]}-{_NAMES[places[-1]]}"
    return ",".join(_NAMES[place] for place in places)
