"""Two questions from anywhere: who has this address, and why did it not get that digest."""

from datetime import date
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.decorators import permission_required
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from mailer.admin.access import may_see_addresses
from mailer.admin.columns import page_of
from mailer.admin.person_forms import NoteForm, WhyForm, problems
from mailer.audience.return_paths import delivery_of as delivery_of_return_path
from mailer.audience.suppressions import lift_erasure
from mailer.insight.causes import Answer
from mailer.insight.finding import find_person
from mailer.insight.why_not import why_not, why_not_to
from mailer.models import Delivery, Recipient
from mailer.sending.message_id import delivery_of

_may_look = permission_required("mailer.view_recipient", raise_exception=True)
_may_lift = permission_required("mailer.change_suppression", raise_exception=True)


@_may_look
def find(request: HttpRequest) -> HttpResponse:
    """Go to the person, or to the mail of a Message-ID or Return-Path; or say what is known instead."""
    typed = request.GET.get("q", "").strip()
    number = (delivery_of(typed) or delivery_of_return_path(typed)) if "@" in typed else None
    mail = Delivery.objects.filter(pk=number).first() if number else None
    if mail is not None:
        return HttpResponseRedirect(page_of(mail))
    guess = may_see_addresses(request.user)
    found = find_person(typed, timezone.now(), guess) if typed else None
    if found is not None and found.person is not None:
        return HttpResponseRedirect(page_of(found.person))
    context = {
        "title": "Find a person",
        "typed": typed,
        "found": found,
        "may_guess": guess,
        "may_lift": request.user.has_perm("mailer.change_suppression"),
    }
    return _page(request, "find", context)


@_may_look
@_may_lift
def lift(request: HttpRequest) -> HttpResponse:
    """Let mail go to the address of somebody who was erased, should it come back."""
    typed, form = request.POST.get("address", ""), NoteForm(request.POST)
    erasure = find_person(typed, timezone.now()).erasure
    if not form.is_valid():
        messages.error(request, problems(form))
    elif erasure is None:
        messages.info(request, "Nobody with this address was erased, or it is lifted already.")
    else:
        note = form.cleaned_data["note"]
        lift_erasure(typed, note, request.user, timezone.now())
        LogEntry.objects.log_actions(request.user.pk or 0, [erasure], CHANGE, f"Lifted: {note}", single_object=True)
        messages.success(request, "Lifted: if the address comes back, it gets mail.")
    return HttpResponseRedirect(reverse("admin:mailer_recipient_find"))


@_may_look
def why(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    """Why an address, or a person who is known, did not get a digest."""
    person = get_object_or_404(Recipient, pk=pk) if pk else None
    typed = request.GET.get("address", "").strip()
    asked = bool(request.GET.get("digest")) and bool(person or typed)
    form = WhyForm(request.GET if asked else None, initial=request.GET.dict())
    answer = _answer(person, typed, form.cleaned_data) if asked and form.is_valid() else None
    context = {
        "title": "Why was this not sent?",
        "person": person,
        "typed": typed,
        "form": form,
        "problems": problems(form) if asked else "",
        "answer": answer,
        "evidence": _linked(request, answer) if answer else [],
    }
    return _page(request, "why", context)


def question_urls() -> list[URLPattern]:
    """The addresses beside a recipient's usual ones."""
    view = admin.site.admin_view
    return [
        path("find/", view(require_GET(find)), name="mailer_recipient_find"),
        path("lift-erasure/", view(require_POST(lift)), name="mailer_recipient_lift_erasure"),
        path("why/", view(require_GET(why)), name="mailer_recipient_why"),
        path("<int:pk>/why/", view(require_GET(why)), name="mailer_recipient_why"),
    ]


def _answer(person: Recipient | None, typed: str, said: dict[str, Any]) -> Answer:
    day: date | None = said["day"]
    if person is not None:
        return why_not_to(person, said["digest"], day, timezone.now())
    return why_not(typed, said["digest"], day, timezone.now())


def _linked(request: HttpRequest, answer: Answer) -> list[tuple[str, str, str]]:
    """The evidence as (what it is, its name, its page if the user may open that)."""
    return [(what, _name(row), page_of(row) if _may_view(request, row) else "") for what, row in answer.evidence]


def _name(row: Model) -> str:
    return f"{row}: {row.get_status_display()}" if isinstance(row, Delivery) else str(row)


def _may_view(request: HttpRequest, row: Model) -> bool:
    return request.user.has_perm(f"{row._meta.app_label}.view_{row._meta.model_name}")


def _page(request: HttpRequest, name: str, context: dict[str, Any]) -> HttpResponse:
    context = {**admin.site.each_context(request), **context}
    return TemplateResponse(request, f"admin/mailer/{name}.html", context)
