"""What all buttons share with which staff act on mails: who may press them, a question before, and a word after.

Each acts by POST, is recorded, and says what it did.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import timezone

from mailer.admin.access import may_send
from mailer.admin.base import LogPages
from mailer.admin.columns import page_of
from mailer.admin.second_look import is_number, needs_second_look
from mailer.sending.control import STEP, Decider
from mailer.waking import wake_mailing

#: How many mails a click changes at most, so that it answers within seconds; the next click goes on.
MOST_AT_ONCE = 4 * STEP
_NOTHING = "Nothing was changed: meanwhile none of this is left to do, or the mailing was cancelled."


@dataclass(frozen=True)
class Question:
    """What is asked before something is done to mails, with the numbers."""

    title: str
    mails: int  #: of how many; of none there is nothing to be asked
    sentences: list[str]
    button: str
    back: str
    hidden: list[tuple[str, str]] = field(default_factory=list)  #: what is posted with the answer
    may_lift: bool = False  #: whether a suppression can be lifted with it


class Control(LogPages):
    """A model's pages with buttons."""

    def has_send_permission(self, request: HttpRequest) -> bool:
        """Whether the person may act here at all."""
        return may_send(request.user) and self.has_view_permission(request)

    def row_to_change(self, request: HttpRequest, pk: int) -> Any:
        """The row, for those who may act on it."""
        row = self.get_object(request, str(pk))
        if row is None:
            raise Http404("It is not, or no longer, in the log.")
        if not self.has_send_permission(request):
            raise PermissionDenied
        return row

    def ask(self, request: HttpRequest, question: Question) -> HttpResponse | None:
        """The page that asks; None if this is its answer, with the number of mails typed where they are many."""
        look = needs_second_look(question.mails)
        if is_answer(request) and (not look or is_number(request.POST.get("typed", ""), question.mails)):
            return None
        context = {
            **self.admin_site.each_context(request),
            "title": question.title,
            "opts": self.opts,
            "question": question,
            "second_look": look,
            "wrong_number": look and is_answer(request),
        }
        return TemplateResponse(request, "admin/mailer/question.html", context)

    def say(self, request: HttpRequest, row: Model, done: str) -> HttpResponse:
        """Record what was done and tell it; without words nothing was to be done."""
        if done:
            self.log_change(request, row, done)
        self.message_user(request, done or _NOTHING, messages.SUCCESS if done else messages.WARNING)
        return HttpResponseRedirect(page_of(row))


def is_answer(request: HttpRequest) -> bool:
    """Whether the person has said yes."""
    return request.method == "POST" and "ask" not in request.POST


def decider(request: HttpRequest) -> Decider:
    """Who decides, now."""
    return Decider(request.user.get_username(), timezone.now())


def wake(done: Counter[int]) -> int:
    """Tell the workers of the mailings, by id with how many mails of each are to be sent. Returns how many that are."""
    for mailing_id in done:
        wake_mailing(mailing_id)
    return done.total()
