"""The buttons with which staff act on a mailing and on mails: each is a POST, is recorded, and says what it did."""

from collections import Counter
from typing import Any

from django.contrib import messages
from django.core.exceptions import BadRequest, PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from mailer.admin.access import may_send
from mailer.admin.base import LogPages, View
from mailer.admin.columns import list_of, page_of
from mailer.insight.words import count_of
from mailer.models import Delivery, Mailing
from mailer.sending.control import (
    STEP,
    Decider,
    cancel_mailing,
    decide_uncertain,
    failed_of,
    may_go_on,
    pause_mailing,
    resume_mailing,
    retry_failed,
)
from mailer.tasks import wake_cancellation, wake_mailing

#: How many mails a click changes at most, so that it answers within seconds; the next click goes on.
MOST_AT_ONCE = 4 * STEP
#: How many mails of the log are decided about together.
MOST_CHOSEN = 1_000
_NONE_CHOSEN = "Nothing was changed: none of the mails chosen is in that state, or their mailing was cancelled."
_NOTHING = "Nothing was changed: meanwhile none of this is left to do, or the mailing was cancelled."


class _Control(LogPages):
    """What both pages need: who may press the buttons, and what is said after it."""

    def has_send_permission(self, request: HttpRequest) -> bool:
        """Whether the person may act here at all."""
        return may_send(request.user) and self.has_view_permission(request)

    def _row_to_change(self, request: HttpRequest, pk: int) -> Any:
        row = self.get_object(request, str(pk))
        if row is None:
            raise Http404("It is not, or no longer, in the log.")
        if not self.has_send_permission(request):
            raise PermissionDenied
        return row

    def _say(self, request: HttpRequest, row: Model, done: str) -> HttpResponse:
        """Record what was done and tell it; without words nothing was to be done."""
        if done:
            self.log_change(request, row, done)
        self.message_user(request, done or _NOTHING, messages.SUCCESS if done else messages.WARNING)
        return HttpResponseRedirect(page_of(row))


class MailingControl(_Control):
    """Pause, resume, cancel, try what failed again; and how far it is, for the page that is looked at."""

    def get_urls(self) -> list[URLPattern]:
        """The buttons' addresses before the usual ones."""
        views: dict[str, View] = {
            "pause": require_POST(self.pause_view),
            "resume": require_POST(self.resume_view),
            "cancel": self.cancel_view,
            "retry": require_POST(self.retry_view),
            "progress": require_GET(self.progress_view),
        }
        return [*self.own_urls(views), *super().get_urls()]

    def pause_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Let it wait."""
        mailing = self._row_to_change(request, pk)
        paused = pause_mailing(pk)
        return self._say(request, mailing, "Paused. Workers stop within a second or so." if paused else "")

    def resume_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Let it go on."""
        mailing = self._row_to_change(request, pk)
        if not resume_mailing(pk, timezone.now()):
            return self._say(request, mailing, "")
        wake_mailing(pk)
        return self._say(request, mailing, "Resumed.")

    def cancel_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask once, with the numbers; then, by POST, cancel."""
        mailing = self._row_to_change(request, pk)
        if request.method == "POST":
            return self._cancel(request, mailing)
        context = {
            **self.admin_site.each_context(request),
            "title": f"Cancel {mailing}?",
            "opts": self.opts,
            "mailing": mailing,
            "back": page_of(mailing),
        }
        return TemplateResponse(request, "admin/mailer/mailing_cancel.html", context)

    def retry_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Put what failed back into the queue, all of it or that of one reason."""
        mailing = self._row_to_change(request, pk)
        reason = request.POST.get("reason", "")
        done = 0
        for step in failed_of(pk, reason):
            done += retry_failed(step, _decider(request))[pk]
            if done >= MOST_AT_ONCE:
                break
        if not done:
            return self._say(request, mailing, "")
        wake_mailing(pk)
        of_reason = f" (reason: {reason})" if reason else ""
        rest = " The rest is still there: press again." if done >= MOST_AT_ONCE else ""
        return self._say(request, mailing, f"Put {count_of(done, 'failed mail')} back into the queue{of_reason}.{rest}")

    def progress_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """How far it is, as JSON: the card to show, and the figures from which the page reckons rate and time left."""
        mailing = self.get_object(request, str(pk))
        if mailing is None:
            raise Http404("There is no such mailing.")
        if not self.has_view_permission(request, mailing):
            raise PermissionDenied
        card = render_to_string("admin/mailer/mailing_progress.html", self.progress_of(mailing), request)
        figures = {"status": mailing.status, "running": is_running(mailing), "waiting": mailing.waiting}
        answer = JsonResponse({**figures, "done": mailing.planned - mailing.waiting, "card": card})
        answer["Cache-Control"] = "no-store"
        return answer

    def progress_of(self, mailing: Mailing) -> dict[str, Any]:
        """What the card shows."""
        raise NotImplementedError

    def _cancel(self, request: HttpRequest, mailing: Mailing) -> HttpResponse:
        waiting = mailing.waiting
        if not cancel_mailing(mailing.pk, _decider(request)):
            return self._say(request, mailing, "")
        wake_cancellation(mailing.pk)
        return self._say(request, mailing, f"Cancelled, with {count_of(waiting, 'mail')} not sent by then.")


class DeliveryControl(_Control):
    """Try a failed mail again, send an uncertain one again or let it be: on its page, and for a selection."""

    def get_urls(self) -> list[URLPattern]:
        """The buttons' addresses before the usual ones."""
        views: dict[str, View] = {
            "retry": require_POST(self.retry_view),
            "resend": require_POST(self.resend_view),
            "let_be": require_POST(self.let_be_view),
        }
        decide = self.admin_site.admin_view(require_POST(self.decide_view))
        return [path("decide/", decide, name="mailer_delivery_decide"), *self.own_urls(views), *super().get_urls()]

    def asked_by_buttons(self, request: HttpRequest, delivery: Delivery) -> dict[str, bool]:
        """Which of a mail's buttons its page shows."""
        return {"may_send": may_send(request.user), "may_go_on": may_go_on(delivery.mailing)}

    def retry_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Try a failed mail again; its address's suppression is lifted if that was asked for."""
        delivery = self._row_to_change(request, pk)
        lift = request.POST.get("lift") == "1"
        done = _wake(retry_failed([pk], _decider(request), lift))
        lifted = ", and the address is no longer suppressed for having been refused" if lift else ""
        return self._say(request, delivery, f"Put back into the queue{lifted}." if done else "")

    def resend_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Send an uncertain mail again."""
        delivery = self._row_to_change(request, pk)
        done = _wake(decide_uncertain([pk], True, _decider(request)))
        return self._say(request, delivery, "Goes out again, under the same Message-ID." if done else "")

    def let_be_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Leave an uncertain mail as it is."""
        delivery = self._row_to_change(request, pk)
        done = decide_uncertain([pk], False, _decider(request)).total()
        return self._say(request, delivery, "Let be: it is not sent again." if done else "")

    def decide_view(self, request: HttpRequest) -> HttpResponse:
        """The same for those that are chosen in the log, and back to where they were chosen."""
        if not self.has_send_permission(request):
            raise PermissionDenied
        ids = [int(pk) for pk in request.POST.getlist("chosen")[:MOST_CHOSEN] if pk.isdecimal() and len(pk) < 19]
        match request.POST.get("decision"):
            case "retry":
                done, what = retry_failed(ids, _decider(request)), "put back into the queue after they had failed"
            case "resend":
                done, what = decide_uncertain(ids, True, _decider(request)), "sent again, although it may be twice"
            case "let_be":
                done, what = decide_uncertain(ids, False, _decider(request)), "let be, and not sent again"
            case _:
                raise BadRequest("There is no such decision.")
        self._tell(request, done, what)
        _wake(done)
        return HttpResponseRedirect(list_of(Delivery, request.GET.urlencode()))

    def _tell(self, request: HttpRequest, done: Counter[int], what: str) -> None:
        """Say it, and record it at each mailing."""
        for mailing in Mailing.objects.filter(pk__in=done):
            self.log_change(request, mailing, f"{count_of(done[mailing.pk], 'mail')} of a selection: {what}.")
        sentence = f"{count_of(done.total(), 'mail')}: {what}." if done else _NONE_CHOSEN
        self.message_user(request, sentence, messages.SUCCESS if done else messages.WARNING)


def is_running(mailing: Mailing) -> bool:
    """Whether its numbers are moving, so that a page that shows them should follow."""
    if mailing.status == Mailing.Status.SENDING:
        return mailing.scheduled_for <= timezone.now()
    return mailing.status == Mailing.Status.CANCELLED and not mailing.settled


def _decider(request: HttpRequest) -> Decider:
    return Decider(request.user.get_username(), timezone.now())


def _wake(done: Counter[int]) -> int:
    for mailing_id in done:
        wake_mailing(mailing_id)
    return done.total()
