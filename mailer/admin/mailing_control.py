"""The buttons of a mailing's page: pause, resume, cancel, try again what failed; and how far it is."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from mailer.admin.base import View
from mailer.admin.columns import page_of
from mailer.admin.control import MOST_AT_ONCE, Control, Question, decider
from mailer.insight.failures import failed_count, failures_of
from mailer.insight.words import count_of
from mailer.models import Delivery, Mailing
from mailer.sending.control import cancel_mailing, failed_of, may_go_on, pause_mailing, resume_mailing, retry_failed
from mailer.waking import wake_cancellation, wake_mailing


class MailingControl(Control):
    """Pause, resume, cancel, try what failed again; and how far it is, for the page that is looked at."""

    def get_urls(self) -> list[URLPattern]:
        """The buttons' addresses before the usual ones."""
        views: dict[str, View] = {
            "pause": require_POST(self.pause_view),
            "resume": require_POST(self.resume_view),
            "cancel": self.cancel_view,
            "retry": self.retry_view,
            "progress": require_GET(self.progress_view),
        }
        return [*self.own_urls(views), *super().get_urls()]

    def pause_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Let it wait."""
        mailing = self.row_to_change(request, pk)
        paused = pause_mailing(pk)
        return self.say(request, mailing, "Paused. Workers stop within a second or so." if paused else "")

    def resume_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Let it go on."""
        mailing = self.row_to_change(request, pk)
        if not resume_mailing(pk, timezone.now()):
            return self.say(request, mailing, "")
        wake_mailing(pk)
        return self.say(request, mailing, "Resumed.")

    def cancel_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask once, with the numbers; then, by POST, cancel."""
        mailing = self.row_to_change(request, pk)
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
        """Ask once, with the numbers; then put what failed back into the queue, all of it or that of one reason."""
        mailing = self.row_to_change(request, pk)
        reason = request.POST.get("reason", request.GET.get("reason", ""))
        asked = self.ask(request, _question(mailing, reason))
        if asked is not None:
            return asked
        done = 0
        for step in failed_of(pk, reason):
            done += retry_failed(step, decider(request))[pk]
            if done >= MOST_AT_ONCE:
                break
        if not done:
            return self.say(request, mailing, "")
        wake_mailing(pk)
        of_reason = f" (reason: {reason})" if reason else ""
        rest = " The rest is still there: press again." if done >= MOST_AT_ONCE else ""
        return self.say(request, mailing, f"Put {count_of(done, 'failed mail')} back into the queue{of_reason}.{rest}")

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
        if not cancel_mailing(mailing.pk, decider(request)):
            return self.say(request, mailing, "")
        wake_cancellation(mailing.pk)
        return self.say(request, mailing, f"Cancelled, with {count_of(waiting, 'mail')} not sent by then.")


def is_running(mailing: Mailing) -> bool:
    """Whether its numbers are moving, so that a page that shows them should follow."""
    if mailing.status == Mailing.Status.SENDING:
        return mailing.scheduled_for <= timezone.now()
    return mailing.status == Mailing.Status.CANCELLED and not mailing.settled


def _question(mailing: Mailing, reason: str) -> Question:
    failed = failed_count(mailing, reason, MOST_AT_ONCE) if may_go_on(mailing) else 0
    now = min(failed, MOST_AT_ONCE)
    because = f" because {Delivery.Reason(reason).label}" if reason in Delivery.Reason.values and reason else ""
    sentences = [
        f"{count_of(now, 'mail')} of {mailing.planned:,} failed{because}, and would be tried again, as if for the"
        " first time. Whose address is suppressed, or who has left the list meanwhile, is skipped."
    ]
    if failed > MOST_AT_ONCE:
        sentences = [f"More failed than can be put back at once: these are the first {now:,}.", *sentences]
    elif not reason:
        sentences.append(_because(mailing))
    return Question(
        title=f"Retry what failed of {mailing}?",
        mails=now,
        sentences=sentences,
        button=f"Retry {count_of(now, 'mail')}",
        back=page_of(mailing),
        hidden=[("reason", reason)],
    )


def _because(mailing: Mailing) -> str:
    why = [
        f"{'more than ' if failure.is_capped else ''}{failure.count:,} because {failure.words}"
        for failure in failures_of(mailing)
    ]
    return f"They failed: {'; '.join(why)}." if why else ""
