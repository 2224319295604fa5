"""What staff do about one person, each by POST and with a note: suppress, lift, unsubscribe, export, erase."""

import csv
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from mailer.admin.access import SEE_ADDRESSES
from mailer.admin.columns import page_of
from mailer.admin.exports import ExportPages
from mailer.admin.person_forms import EraseForm, NoteForm, SuppressForm, UnsubscribeForm, problems
from mailer.audience.cells import sheltered
from mailer.audience.consent import Word
from mailer.audience.erasure import MailInFlight, erase
from mailer.audience.suppressions import lift_suppression, suppress
from mailer.feedback.unsubscribes import unsubscribe_everywhere, unsubscribe_recipient
from mailer.insight.dossier import as_rows, dossier_of
from mailer.insight.people import ids_of_mails_to
from mailer.insight.words import count_of
from mailer.models import Recipient, RecipientList, Suppression
from mailer.waking import wake_striking


class PersonActions(ExportPages):
    """The addresses beside the usual ones of a recipient's page."""

    def get_urls(self) -> list[URLPattern]:
        """`<id>/suppress/` and so on."""
        views = {
            "suppress": self.suppress_view,
            "lift": self.lift_view,
            "unsubscribe": self.unsubscribe_view,
            "dossier": self.dossier_view,
        }
        return [*self.own_urls({name: require_POST(view) for name, view in views.items()}), *super().get_urls()]

    def suppress_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Nothing goes to the address any more."""
        person = self._person(request, pk, "mailer.add_suppression")
        form = SuppressForm(request.POST)
        if not form.is_valid():
            return self._back(request, person, problems(form), messages.ERROR)
        said = form.cleaned_data
        wanted = Suppression(
            email=person.email, reason=said["reason"], note=said["note"], expires_at=said["until"],
            created_by_id=request.user.pk,
        )  # fmt: skip
        suppress(wanted, timezone.now())
        self.log_change(request, person, f"Suppressed: {said['note']}")
        return self._back(request, person, "Suppressed: nothing goes to this address any more.")

    def lift_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Mail goes to the address again."""
        person = self._person(request, pk, "mailer.change_suppression")
        form = NoteForm(request.POST)
        held = Suppression.objects.filter(email=person.email).first()
        if not form.is_valid():
            return self._back(request, person, problems(form), messages.ERROR)
        if held is None:
            return self._back(request, person, "It is lifted already.", messages.INFO)
        lift_suppression(held, form.cleaned_data["note"], request.user, timezone.now())
        self.log_change(request, person, f"Lifted the suppression: {form.cleaned_data['note']}")
        return self._back(request, person, "Lifted: mail goes to this address again.")

    def unsubscribe_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Off one list, or off all."""
        person = self._person(request, pk, "mailer.change_subscription")
        form = UnsubscribeForm(request.POST)
        if not form.is_valid():
            return self._back(request, person, problems(form), messages.ERROR)
        note, list_id = form.cleaned_data["note"], form.cleaned_data["list"]
        word = Word(f"staff: {note}", timezone.now(), request.user)
        if list_id is None:
            left = unsubscribe_everywhere(person.pk, word)
            name = "all lists"
        else:
            left = int(unsubscribe_recipient(list_id, person.pk, word))
            name = str(RecipientList.objects.filter(pk=list_id).first() or "a list that is gone")
        if not left:
            return self._back(request, person, f"Was unsubscribed from {name} already.", messages.INFO)
        self.log_change(request, person, f"Unsubscribed from {name}: {note}")
        return self._back(request, person, f"Unsubscribed from {name}.")

    def dossier_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """All that is stored about the person, as a file of JSON or CSV."""
        person = self._person(request, pk, SEE_ADDRESSES)
        self.log_change(request, person, "Exported what is stored about this person.")
        told = dossier_of(person, timezone.now())
        headers = {"Cache-Control": "no-store"}
        if request.POST.get("form") == "csv":
            headers["Content-Disposition"] = f'attachment; filename="person-{person.pk}.csv"'
            answer = HttpResponse("\ufeff", content_type="text/csv; charset=utf-8", headers=headers)
            csv.writer(answer, quoting=csv.QUOTE_ALL).writerows(map(sheltered, row) for row in as_rows(told))
            return answer
        headers["Content-Disposition"] = f'attachment; filename="person-{person.pk}.json"'
        return JsonResponse(told, json_dumps_params={"indent": 2, "ensure_ascii": False}, headers=headers)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """A person is not just deleted but erased, from the logs too: ask first, then do it."""
        person = self._person(request, object_id, "mailer.delete_recipient")
        form = EraseForm(request.POST) if request.method == "POST" else EraseForm()
        if request.method == "POST" and form.is_valid():
            return self._erase(request, person, form.cleaned_data["note"])
        return self._ask_to_erase(request, person, form)

    def _erase(self, request: HttpRequest, person: Recipient, note: str) -> HttpResponse:
        try:
            erasure = erase(person, note, request.user, timezone.now())
        except MailInFlight as error:
            return self._back(request, person, str(error), messages.WARNING)
        transaction.on_commit(wake_striking)
        self.log_change(request, erasure, "Erased a person.")
        self.message_user(request, "The person is erased, and stays so if the address comes back.", messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:mailer_recipient_find"))

    def _ask_to_erase(self, request: HttpRequest, person: Recipient, form: forms.Form) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": "Erase this person?",
            "opts": self.opts,
            "person": person,
            "form": form,
            "problems": problems(form),
            "mails": count_of(len(ids_of_mails_to(person)), "delivery", "deliveries"),
            "back": page_of(person),
        }
        return TemplateResponse(request, "admin/mailer/person_erase.html", context)

    def _person(self, request: HttpRequest, pk: int | str, permission: str) -> Recipient:
        if not self.has_view_permission(request) or not request.user.has_perm(permission):
            raise PermissionDenied
        person = self.get_object(request, str(pk))
        if person is None:
            raise Http404("There is no such person.")
        return person

    def _back(
        self, request: HttpRequest, person: Recipient, said: str, level: int = messages.SUCCESS
    ) -> HttpResponseRedirect:
        self.message_user(request, said, level)
        return HttpResponseRedirect(page_of(person))
