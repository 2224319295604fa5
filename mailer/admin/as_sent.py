"""A mail as it went to its recipient: a page with its header and frames, in which nothing acts."""

from dataclasses import replace

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, reverse
from django.utils import timezone
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_GET

from mailer.admin.access import may_see_mail, shown_address
from mailer.admin.base import LogPages, View
from mailer.admin.columns import page_of
from mailer.admin.mail_frames import mail_frame
from mailer.insight.exactness import changes_since, made_at
from mailer.insight.people import find_recipient
from mailer.models import Delivery, Mailing, Recipient
from mailer.sending.copies import Copy, NoCopy, copy_of

_ERASED = "The person was erased, and what the mail said of them is gone with them."


class AsSentPages(LogPages):
    """The pages of a mail as it was sent, beside those of deliveries."""

    def get_urls(self) -> list[URLPattern]:
        """The page and what is in its frames."""
        views: dict[str, View] = {
            "as_sent": require_GET(self.as_sent_view),
            "copy": require_GET(xframe_options_sameorigin(self.copy_view)),
        }
        return [*self.own_urls(views), *super().get_urls()]

    def as_sent_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Its header, its frames, and whether it is exactly what went out."""
        delivery = self._delivery_to_read(request, pk)
        person = delivery.person
        made, copy = made_at(delivery), _copy(delivery, person)
        context = {
            **self.admin_site.each_context(request),
            "title": "As sent" if delivery.sent_at else "As tried" if made else "As it would be now",
            "opts": self.opts,
            "delivery": delivery,
            "address": shown_address(person.email) if person else "erased recipient",
            "made": made,
            "copy": None if isinstance(copy, str) else copy,
            "problem": copy if isinstance(copy, str) else "",
            "changes": changes_since(delivery, person, made) if made and person else [],
            "frame": reverse("admin:mailer_delivery_copy", args=[pk]),
            "back": page_of(delivery),
        }
        return TemplateResponse(request, "admin/mailer/delivery_as_sent.html", context)

    def copy_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The mail's HTML, or with `?part=text` its text, for the page's frames."""
        delivery = self._delivery_to_read(request, pk)
        copy = _copy(delivery, delivery.person)
        if isinstance(copy, Copy):
            # The frame may open no window: so a click on a link does nothing, and the mail stays in it.
            copy = replace(copy, html=copy.html.replace("<head>", '<head><base target="_blank">', 1))
        return mail_frame(copy, as_text=request.GET.get("part") == "text")

    def _delivery_to_read(self, request: HttpRequest, pk: int) -> Delivery:
        delivery: Delivery | None = self.get_object(request, str(pk))
        if delivery is None:
            raise Http404("It is not, or no longer, in the log.")
        if not (self.has_view_permission(request, delivery) and may_see_mail(request.user, delivery.mailing)):
            raise PermissionDenied
        return delivery


class MailingAsSent(LogPages):
    """From a mailing's page to one of its mails, as it was sent."""

    def get_urls(self) -> list[URLPattern]:
        """The address that leads on."""
        return [*self.own_urls({"as_sent": require_GET(self.as_sent_view)}), *super().get_urls()]

    def as_sent_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """On to the mail to the address `?to=`, or to any that was sent."""
        mailing: Mailing | None = self.get_object(request, str(pk))
        if mailing is None:
            raise Http404("There is no such mailing.")
        if not (self.has_view_permission(request, mailing) and may_see_mail(request.user, mailing)):
            raise PermissionDenied
        to = request.GET.get("to", "").strip()
        delivery = _mail_to(mailing, to) if to else mailing.deliveries.order_by("recipient_id").first()
        if delivery is None:
            whom = f"to {to} " if to else ""
            self.message_user(request, f"There is no mail {whom}in this mailing.", messages.WARNING)
            return HttpResponseRedirect(page_of(mailing))
        return HttpResponseRedirect(reverse("admin:mailer_delivery_as_sent", args=[delivery.pk]))


def _mail_to(mailing: Mailing, address: str) -> Delivery | None:
    recipient = find_recipient(address)
    return mailing.deliveries.filter(recipient=recipient).first() if recipient else None


def _copy(delivery: Delivery, person: Recipient | None) -> Copy | str:
    """The mail, or in a sentence why there is none."""
    if person is None:
        return _ERASED
    try:
        return copy_of(delivery, person, made_at(delivery) or timezone.now())
    except NoCopy as error:
        return str(error)
