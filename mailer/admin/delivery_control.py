"""What staff decide about mails that did not go out, on a mail's page and for those chosen in the log."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.contrib import messages
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.views.decorators.http import require_POST

from mailer.admin.access import may_send
from mailer.admin.base import View
from mailer.admin.columns import list_of, page_of
from mailer.admin.control import Control, Question, decider, wake
from mailer.insight.stories import what_happened
from mailer.insight.words import count_of
from mailer.models import Delivery, Mailing
from mailer.sending.control import Decider, decide_uncertain, may_go_on, retry_failed

#: How many mails of the log are decided about together.
MOST_CHOSEN = 1_000
_NONE_CHOSEN = "Nothing was changed: none of the mails chosen is in that state, or their mailing was cancelled."


@dataclass(frozen=True)
class Decision:
    """What can be done about mails in one state, and how it is told."""

    name: str
    verb: str
    was: Delivery.Status
    means: str  #: before it is done
    done: str  #: of several
    done_to_one: str
    act: Callable[[Iterable[int], Decider], Counter[int]]

    def open_among(self, ids: Iterable[int]) -> list[int]:
        """Those about which it can be decided so."""
        rows = Delivery.objects.filter(pk__in=ids, status=self.was).select_related("mailing")
        if self.name == "let_be":
            return [row.pk for row in rows if row.reason != Delivery.Reason.LET_BE]
        return [row.pk for row in rows if may_go_on(row.mailing)]


_ALL = (
    Decision(
        "retry",
        "Retry",
        Delivery.Status.FAILED,
        "tried again, as if for the first time",
        "put back into the queue after they had failed",
        "Put back into the queue.",
        retry_failed,
    ),
    Decision(
        "resend",
        "Resend",
        Delivery.Status.UNCERTAIN,
        "sent once more, under the same Message-ID; whoever got it already may get it twice",
        "sent again, although it may be twice",
        "Goes out again, under the same Message-ID.",
        lambda ids, who: decide_uncertain(ids, True, who),
    ),
    Decision(
        "let_be",
        "Let be",
        Delivery.Status.UNCERTAIN,
        "left as they are: nothing is sent, and they count as neither sent nor failed",
        "let be, and not sent again",
        "Let be: it is not sent again.",
        lambda ids, who: decide_uncertain(ids, False, who),
    ),
)
DECISIONS = {decision.name: decision for decision in _ALL}


class DeliveryControl(Control):
    """Try a failed mail again, send an uncertain one again or let it be: on its page, and for a selection."""

    def get_urls(self) -> list[URLPattern]:
        """The buttons' addresses before the usual ones."""
        views = {name: self._view_of(decision) for name, decision in DECISIONS.items()}
        decide = self.admin_site.admin_view(require_POST(self.decide_view))
        return [path("decide/", decide, name="mailer_delivery_decide"), *self.own_urls(views), *super().get_urls()]

    def asked_by_buttons(self, request: HttpRequest, delivery: Delivery) -> dict[str, bool]:
        """Which of a mail's buttons its page shows."""
        return {"may_send": may_send(request.user), "may_go_on": may_go_on(delivery.mailing)}

    def decide_view(self, request: HttpRequest) -> HttpResponse:
        """Ask about those that are chosen in the log; then do it, and go back to where they were chosen."""
        if not self.has_send_permission(request):
            raise PermissionDenied
        decision = DECISIONS.get(request.POST.get("decision", ""))
        if decision is None:
            raise BadRequest("There is no such decision.")
        chosen = [int(pk) for pk in request.POST.getlist("chosen")[:MOST_CHOSEN] if pk.isdecimal() and len(pk) < 19]
        back = list_of(Delivery, request.GET.urlencode())
        ids = decision.open_among(chosen)
        if ids:
            asked = self.ask(request, _question_of_chosen(decision, ids, len(chosen), back))
            if asked is not None:
                return asked
        done = decision.act(ids, decider(request))
        self._tell(request, done, decision.done)
        if decision.name != "let_be":
            wake(done)
        return HttpResponseRedirect(back)

    def _view_of(self, decision: Decision) -> View:
        def view(request: HttpRequest, pk: int) -> HttpResponse:
            return self._decide_one(request, self.row_to_change(request, pk), decision)

        return view

    def _decide_one(self, request: HttpRequest, delivery: Delivery, decision: Decision) -> HttpResponse:
        asked = self.ask(request, _question_of_one(decision, delivery))
        if asked is not None:
            return asked
        if request.POST.get("lift") == "1" and decision.name == "retry":
            done = retry_failed([delivery.pk], decider(request), lift=True)
            said = "Put back into the queue, and the address is no longer suppressed for having been refused."
        else:
            done, said = decision.act([delivery.pk], decider(request)), decision.done_to_one
        if decision.name != "let_be":
            wake(done)
        return self.say(request, delivery, said if done else "")

    def _tell(self, request: HttpRequest, done: Counter[int], what: str) -> None:
        """Say it, and record it at each mailing."""
        for mailing in Mailing.objects.filter(pk__in=done):
            self.log_change(request, mailing, f"{count_of(done[mailing.pk], 'mail')} of a selection: {what}.")
        sentence = f"{count_of(done.total(), 'mail')}: {what}." if done else _NONE_CHOSEN
        self.message_user(request, sentence, messages.SUCCESS if done else messages.WARNING)


def _question_of_one(decision: Decision, delivery: Delivery) -> Question:
    there = len(decision.open_among([delivery.pk]))
    return Question(
        title=f"{decision.verb}: {delivery.mailing}",
        mails=there,
        sentences=[what_happened(delivery), f"{count_of(there, 'mail')} would be {decision.means}."],
        button=decision.verb,
        back=page_of(delivery),
        may_lift=decision.name == "retry" and delivery.reason == Delivery.Reason.ADDRESS,
    )


def _question_of_chosen(decision: Decision, ids: list[int], chosen: int, back: str) -> Question:
    sentences = [f"{count_of(len(ids), 'mail')} would be {decision.means}."]
    if len(ids) < chosen:
        others = f"The other {chosen - len(ids):,} that you chose"
        sentences.append(f"{others} stay as they are: there is nothing of this kind to decide about them.")
    return Question(
        title=f"{decision.verb} {count_of(len(ids), 'mail')}?",
        mails=len(ids),
        sentences=sentences,
        button=f"{decision.verb}: {count_of(len(ids), 'mail')}",
        back=back,
        hidden=[("decision", decision.name), *(("chosen", str(pk)) for pk in ids)],
    )
