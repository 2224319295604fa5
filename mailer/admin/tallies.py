"""How many people a mailing would reach: the first slice comes with the page, the rest by a small script."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.forms import Script
from django.http import HttpRequest, JsonResponse

from mailer.audience.tally import Part, Tally, count_slice, nothing_yet

#: The script that counts on; the page names it in its Media.
SCRIPT = Script("admin/mailer/tally.js", defer=True)
#: With this in its address a page counts to the end before it answers, for browsers without script.
WHOLE = "count"
_LONGEST = 60.0
#: Seconds that are counted while the page is made: a step or two, which is all of most lists.
_FIRST = 0.02


def begin_tally(request: HttpRequest, parts: Sequence[Part], url: str, now: datetime) -> dict[str, Any]:
    """What `tally.html` shows at first, and where its script asks for more."""
    so_far = nothing_yet(parts)
    to_the_end = request.GET.get(WHOLE) == "all"
    tally = count_slice(parts, so_far, now, _LONGEST) if to_the_end else count_slice(parts, so_far, now, _FIRST)
    return {
        "tally": tally,
        "by_list": list(zip([part.mailing_list for part in parts], tally.people, strict=True)),
        "url": url,
        "next": _place(tally),
    }


def continue_tally(request: HttpRequest, parts: Sequence[Part], now: datetime) -> JsonResponse:
    """The next slice as JSON: what is to be added, and where to go on; an empty `next` ends it."""
    part, _, after = request.GET.get("next", "").partition("-")
    begin = Tally((0,) * len(parts), part=_number(part), after=_number(after))
    tally = count_slice(parts, begin, now)
    return JsonResponse({"people": tally.people, "suppressed": tally.suppressed, "next": _place(tally)})


def _place(tally: Tally) -> str:
    return "" if tally.is_whole else f"{tally.part}-{tally.after}"


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 19 else 0
