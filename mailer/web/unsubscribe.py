"""One click and out: the page behind List-Unsubscribe and behind the link in each mail."""

from datetime import datetime, timedelta

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from mailer.audience.consent import Word
from mailer.audience.links import BadToken, make_token, read_token
from mailer.feedback.preferences import get_weekly, pause
from mailer.feedback.unsubscribes import subscribe_again, unsubscribe_everywhere, unsubscribe_recipient
from mailer.models import RecipientList
from mailer.web.pages import recipients_page

MONTH = timedelta(days=30)
HEADINGS = {
    "ask": "Unsubscribe from {list}?",
    "done": "You are unsubscribed.",
    "everywhere": "You are unsubscribed from all lists.",
    "back": "You are subscribed again.",
    "weekly": "Once a week, then.",
    "paused": "A month of quiet.",
}
#: What the buttons of the page ask for, and what the page shows then.
_STATES = {"undo": "back", "weekly": "weekly", "pause": "paused", "all": "everywhere"}


@recipients_page()
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """GET asks, for scanners open every link; POST acts at once, without a redirect (RFC 8058).

    A link that is not ours, or whose person or list is gone, gets the same page as one that works.
    """
    ids, now = _ids(token), timezone.now()
    if request.method != "POST":
        return _page(request, "ask", ids, now)
    action = request.POST.get("action", "")
    if ids is not None:
        _act(action, ids, _word(request, now))
    return _page(request, _STATES.get(action, "done"), ids, now)


def _act(action: str, ids: tuple[int, int], word: Word) -> None:
    if action == "undo":
        subscribe_again(*ids, word)
    elif action == "weekly":
        get_weekly(*ids, word)
    elif action == "pause":
        pause(*ids, word.at + MONTH, word)
    elif action == "all":
        unsubscribe_everywhere(ids[1], word)
    else:
        unsubscribe_recipient(*ids, word)


def _word(request: HttpRequest, now: datetime) -> Word:
    one_click = request.POST.get("List-Unsubscribe") == "One-Click"
    return Word("one-click in a mail program" if one_click else "the link in a mail", now)


def _ids(token: str) -> tuple[int, int] | None:
    """The list and the recipient that the token names."""
    try:
        list_id, recipient_id = read_token("unsubscribe", token)
    except (BadToken, ValueError):
        return None
    return list_id, recipient_id


def _list_name(ids: tuple[int, int] | None) -> str:
    found = RecipientList.objects.filter(pk=ids[0]).values_list("name", flat=True).first() if ids else None
    return found or settings.SITE_NAME


def _page(request: HttpRequest, state: str, ids: tuple[int, int] | None, now: datetime) -> HttpResponse:
    name = _list_name(ids)
    context = {
        "state": state,
        "heading": HEADINGS[state].format(list=name),
        "list_name": name,
        "site_name": settings.SITE_NAME,
        "until": now + MONTH,
        # A forger gets a link too, which opens nothing: the page looks the same.
        "preferences": make_token("preferences", ids[1]) if ids else make_token("test", 0),
    }
    return render(request, "web/unsubscribe.html", context)
