"""The preferences page: what somebody gets and what we know of them, opened by the link in each of their mails."""

from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.shortcuts import render
from django.utils import timezone

from mailer.audience.consent import Word
from mailer.audience.erasure import MailInFlight, erase
from mailer.audience.history import history_of
from mailer.audience.links import BadToken, read_token
from mailer.feedback.preferences import fulfil, lists_to_offer
from mailer.feedback.unsubscribes import unsubscribe_everywhere
from mailer.insight.dossier import dossier_of
from mailer.insight.people import ids_of_mails_to, suppression_of
from mailer.models import Recipient, RecipientList, Subscription
from mailer.waking import wake_striking
from mailer.web.pages import recipients_page
from mailer.web.preference_forms import AboutForm, ListForm, are_valid

SOURCE = "the preferences page"
#: How much of the history the page shows; all of it is in the file.
SHOWN = 20


@recipients_page()
def preferences(request: HttpRequest, token: str) -> HttpResponse:
    """Shows what the person gets; a POST changes it, or ends all of it."""
    person = _person(token)
    if person is None:
        return _nobody(request)
    if request.method == "POST" and request.POST.get("action") == "leave":
        left = unsubscribe_everywhere(person.pk, Word(SOURCE, timezone.now()))
        return _page(request, token, person, "You are unsubscribed from all lists." if left else "You are on no list.")
    if request.method != "POST":
        return _page(request, token, person)
    about = AboutForm(request.POST, instance=person)
    lists = _list_forms(request, person)
    said_of = [form for form in lists if form.is_bound]
    if not are_valid([about, *said_of]):
        return _filled(request, token, (about, lists), "")
    with transaction.atomic():
        about.save()
        for form in said_of:
            wish = form.wish()
            if wish is not None:
                fulfil(form.list.pk, person.pk, wish, Word(SOURCE, timezone.now()))
    return _page(request, token, Recipient.objects.get(pk=person.pk), "Saved. This is how it is now.")


@recipients_page(methods=("POST",))
def take_data(request: HttpRequest, token: str) -> HttpResponse:
    """All that is stored about the person, as a file; by POST, so that no scanner that opens links carries it away.

    Without the contents of single mails: they may open an account, and the link is in every mail that was forwarded.
    """
    person = _person(token)
    if person is None:
        return _nobody(request)
    told = dossier_of(person, timezone.now())
    for mail in told["mails"]:
        mail.pop("content", None)
    headers = {"Content-Disposition": 'attachment; filename="my-data.json"'}
    return JsonResponse(told, json_dumps_params={"indent": 2, "ensure_ascii": False}, headers=headers)


@recipients_page()
def forget_me(request: HttpRequest, token: str) -> HttpResponse:
    """Erases the person after a second look."""
    person = _person(token)
    if person is None:
        return _nobody(request)
    problem = ""
    if request.method == "POST":
        problem = _erase(person) if request.POST.get("sure") else "Tick the box: it can't be undone."
        if not problem:
            return render(request, "web/erased.html", {"site_name": settings.SITE_NAME})
    context = {"site_name": settings.SITE_NAME, "token": token, "person": person, "problem": problem}
    return render(request, "web/erase.html", context)


def _person(token: str) -> Recipient | None:
    try:
        (recipient_id,) = read_token("preferences", token)
    except (BadToken, ValueError):
        return None
    return Recipient.objects.filter(pk=recipient_id).first()


def _nobody(request: HttpRequest) -> HttpResponse:
    """For a link that is not ours and for one to somebody who was erased: nobody learns which."""
    return render(request, "web/no_link.html", {"site_name": settings.SITE_NAME}, status=404)


def _erase(person: Recipient) -> str:
    """Returns what is in the way of it."""
    try:
        erase(person, "asked on the preferences page", None, timezone.now())
    except MailInFlight:
        return "A mail to you is leaving this very moment. Please try again in a minute."
    transaction.on_commit(wake_striking)
    return ""


def _list_forms(request: HttpRequest, person: Recipient) -> list[ListForm]:
    rows = {row.list_id: row for row in Subscription.objects.filter(recipient=person)}
    return [
        ListForm(_said_of(request, each), each, rows.get(each.pk), ZoneInfo(person.time_zone or each.time_zone))
        for each in lists_to_offer(person)
    ]


def _said_of(request: HttpRequest, mailing_list: RecipientList) -> QueryDict | None:
    """Nothing of a list that was not there yet when the page was opened."""
    return request.POST if f"list-{mailing_list.pk}-cadence" in request.POST else None


def _page(request: HttpRequest, token: str, person: Recipient, said: str = "") -> HttpResponse:
    return _filled(request, token, (AboutForm(instance=person), _list_forms(request, person)), said)


def _filled(request: HttpRequest, token: str, forms: tuple[AboutForm, list[ListForm]], said: str) -> HttpResponse:
    about, lists = forms
    person: Recipient = about.instance
    history = history_of(person)
    context = {
        "site_name": settings.SITE_NAME,
        "token": token,
        "person": person,
        "about": about,
        "lists": lists,
        "said": said,
        "has_errors": any(form.errors for form in (about, *lists)),
        "suppression": suppression_of(person, timezone.now()),
        "history": history[: -SHOWN - 1 : -1],
        "mails": len(ids_of_mails_to(person)),
    }
    return render(request, "web/preferences.html", context)
