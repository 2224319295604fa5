"""Getting onto a public list: its page, the form for other sites, and the link in the mail that is sent then."""

from django import forms
from django.conf import settings
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from mailer.audience.consent import Word
from mailer.audience.links import make_token
from mailer.audience.sign_ups import (
    Asked,
    TooMany,
    ask_to_subscribe,
    count_form,
    make_confirmation,
    read_confirmation,
)
from mailer.feedback.preferences import confirm
from mailer.models import AddressField, RecipientList
from mailer.notify import notify_user
from mailer.templating.contexts import list_context
from mailer.web.client_address import address_of
from mailer.web.pages import FRAMED_POLICY, recipients_page

TEMPLATE = "confirm"
CONFIRMED = "the link in the confirmation mail"


class SignUpForm(forms.Form):
    """The address, and nothing that could be written into a stranger's mailbox."""

    email = forms.CharField(
        label="Your mail address",
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
        error_messages={"required": "Write your mail address."},
    )

    def clean_email(self) -> str:
        """In its normal form."""
        return str(AddressField().to_python(self.cleaned_data["email"]))


@recipients_page()
def sign_up(request: HttpRequest, slug: str) -> HttpResponse:
    """The list's page."""
    return _sign_up(request, slug, "the sign-up page")


@recipients_page(policy=FRAMED_POLICY)
def embedded_sign_up(request: HttpRequest, slug: str) -> HttpResponse:
    """The same, small, for a frame in another site; its own form may be posted here as well."""
    return _sign_up(request, slug, "the sign-up form on a site")


@recipients_page()
def confirm_sign_up(request: HttpRequest, token: str) -> HttpResponse:
    """GET shows a button, for scanners open links; POST puts the person onto the list."""
    now = timezone.now()
    ids = read_confirmation(token, now)
    mailing_list = RecipientList.objects.filter(pk=ids[0]).first() if ids else None
    if ids is None or mailing_list is None:
        return render(request, "web/no_link.html", {"site_name": settings.SITE_NAME}, status=404)
    context = {"list": mailing_list, "done": False, "preferences": make_token("preferences", ids[1])}
    if request.method == "POST":
        if not confirm(*ids, Word(CONFIRMED, now)):
            return render(request, "web/no_link.html", {"site_name": settings.SITE_NAME}, status=404)
        context["done"] = True
    return render(request, "web/confirm.html", context)


def _sign_up(request: HttpRequest, slug: str, source: str) -> HttpResponse:
    mailing_list = RecipientList.objects.filter(slug=slug, is_public=True).first()
    if mailing_list is None:
        raise Http404("There is no such list.")
    form = SignUpForm(request.POST if request.method == "POST" else None)
    context = {"list": mailing_list, "form": form, "done": False, "framed": "form" in source}
    if request.method == "POST" and form.is_valid():
        try:
            _ask(request, mailing_list, form.cleaned_data["email"], source)
        except TooMany:
            form.add_error(None, "Too many sign-ups came from your network. Please try again in an hour.")
            return render(request, "web/sign_up.html", context, status=429)
        context["done"] = True
    return render(request, "web/sign_up.html", context)


def _ask(request: HttpRequest, mailing_list: RecipientList, address: str, source: str) -> None:
    """Do the same whoever it is; what must leave no trace is undone, so that it takes as long. Raises TooMany."""
    now = timezone.now()
    may_be_mailed = count_form(address, address_of(request), now)
    with transaction.atomic():
        asked = ask_to_subscribe(mailing_list, address, Word(source, now))
        # The key makes it one mail a day, however many forms come at once.
        key = f"confirm {mailing_list.pk} {asked.recipient.pk} {now:%Y-%m-%d}"
        notify_user(asked.recipient, TEMPLATE, _said(mailing_list, asked), key=key)
        if not (may_be_mailed and asked.may_be_mailed):
            transaction.set_rollback(True)


def _said(mailing_list: RecipientList, asked: Asked) -> dict[str, object]:
    token = make_confirmation(mailing_list.pk, asked.recipient.pk, timezone.now())
    return {
        **list_context(mailing_list),
        "is_member": asked.is_member,
        "confirm_url": f"{settings.SITE_URL}/c/{token}",
    }
