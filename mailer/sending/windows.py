"""Counting mails in a sliding window: how many may go now, and when the next one may. No clock, no database."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

#: A window is counted in so many parts; a mail counts until the whole part in which it went is out of the window.
PARTS = 48
#: In so many parts no more than the window's `burst` go.
BURST_PARTS = 12
#: Hosts' clocks may differ by so many seconds; what was counted further in the future was counted by a wrong clock.
_AHEAD = 10.0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class Window:
    """At most `mails` in any span of `seconds`; the last `kept` of them are for single mails."""

    mails: int
    seconds: int
    kept: int = 0
    burst: int = 0  #: at most so many in any quarter of it; 0: any number


#: By part of the window (numbered since 1970): mails to lists, and single mails.
Taken = dict[int, tuple[int, int]]


def count_free(window: Window, taken: Taken, is_single: bool, now: datetime) -> int:
    """How many may go at `now`, 0 or more."""
    counted = _counted(window, taken, now)
    bulk = sum(many for many, _ in counted.values())
    free = window.mails - sum(map(sum, counted.values()))
    if not is_single:
        free = min(free, window.mails - window.kept - bulk)
    if window.burst:
        lately = _part(window, now) - BURST_PARTS
        free = min(free, window.burst - sum(sum(mails) for part, mails in counted.items() if part >= lately))
    return max(0, free)


def count_taken(window: Window, taken: Taken, now: datetime) -> int:
    """How many count at `now`."""
    return sum(map(sum, _counted(window, taken, now).values()))


def add_taken(window: Window, taken: Taken, mails: int, is_single: bool, now: datetime) -> Taken:
    """What is taken when so many more go at `now`, without what no longer counts."""
    counted = _counted(window, taken, now)
    # A clock that is behind another one's must not count its mails out of the window any sooner.
    part = max([_part(window, now), *counted])
    many, single = counted.get(part, (0, 0))
    counted[part] = (many, single + mails) if is_single else (many + mails, single)
    return counted


def free_again(window: Window, taken: Taken, is_single: bool, now: datetime) -> datetime:
    """When at least one may go: `now`, or the moment at which enough of what was taken has left the window."""
    parts = sorted(_counted(window, taken, now))
    ends = [part + BURST_PARTS + 1 for part in parts] if window.burst else []
    for end in sorted([*ends, *(part + PARTS + 1 for part in parts)]):
        if count_free(window, taken, is_single, now):
            break
        now = max(now, _beginning(window, end))
    return now


def _counted(window: Window, taken: Taken, now: datetime) -> Taken:
    part = _part(window, now)
    ahead = PARTS + int(_AHEAD * PARTS / window.seconds) + 1
    return {number: mails for number, mails in taken.items() if part - PARTS <= number <= part + ahead}


def _beginning(window: Window, part: int) -> datetime:
    """The whole microsecond at which the part begins: its own beginning, or the last one before that."""
    return _EPOCH + part * window.seconds * 10**6 // PARTS * _MICROSECOND


def _part(window: Window, now: datetime) -> int:
    """The last part that has begun."""
    return (((now - _EPOCH) // _MICROSECOND + 1) * PARTS - 1) // (window.seconds * 10**6)
