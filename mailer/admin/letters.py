"""Pages that show a letter as one person would get it, and send it to oneself: digests and announcements have both."""

from datetime import datetime
from typing import Any, Generic, TypeVar

from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.forms import Script
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import URLPattern, reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_POST

from mailer.admin.access import may_see_addresses, may_send
from mailer.admin.base import Pages, View
from mailer.admin.columns import page_of
from mailer.admin.mail_frames import mail_frame
from mailer.admin.trials import send_test
from mailer.insight.people import find_recipient, with_address
from mailer.insight.upcoming import why_not
from mailer.models import Recipient, TemplateVersion
from mailer.scheduling.drafts import Draft, letter_of
from mailer.templating.check import can_be_left
from mailer.templating.letter import Letter
from mailer.templating.sandbox import TemplateError

#: How many addresses are offered to whoever types the beginning of one.
MOST_OFFERED = 10
Subject = TypeVar("Subject", bound=Model)


class LetterPages(Pages, Generic[Subject]):
    """A model's pages with a preview and a test of what would be sent."""

    class Media:
        js = (Script("admin/mailer/people.js", defer=True),)

    def draft_for(self, subject: Subject, recipient: Recipient | None, now: datetime) -> Draft:
        """What the recipient, or for None anybody, would get now. Raises TemplateVersion.DoesNotExist."""
        raise NotImplementedError

    def get_urls(self) -> list[URLPattern]:
        """The letter, the addresses to choose from, and the test beside the usual addresses."""
        views: dict[str, View] = {
            "letter": xframe_options_sameorigin(self.letter_view),
            "people": self.people_view,
            "test": require_POST(self.test_view),
        }
        return [*self.own_urls(views), *super().get_urls()]

    def own_url(self, name: str, subject: Subject) -> str:
        """The address of one of these."""
        return reverse(f"admin:mailer_{self.opts.model_name}_{name}", args=[subject.pk])

    def letter_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The letter's HTML, or with `?part=text` its text, for the page's frame; `?as=` says whose."""
        letter = self._letter(self._subject(request, pk), _asked(request), timezone.now())[0]
        mail = letter if isinstance(letter, str) else letter.mail
        return mail_frame(mail, as_text=request.GET.get("part") == "text")

    def people_view(self, request: HttpRequest, pk: int) -> JsonResponse:
        """Addresses that begin with `?q=`, for those who may see them."""
        self._subject(request, pk)
        if not may_see_addresses(request.user):
            raise PermissionDenied
        typed = request.GET.get("q", "").strip()
        found = with_address(Recipient.objects.order_by("email"), typed) if typed else Recipient.objects.none()
        return JsonResponse({"people": list(found.values_list("email", flat=True)[:MOST_OFFERED])})

    def test_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Send the letter to one's own address."""
        subject, now = self._subject(request, pk), timezone.now()
        if not may_send(request.user):
            raise PermissionDenied
        own_address = getattr(request.user, "email", "")
        send_test(self, request, subject, own_address, lambda to: self.draft_for(subject, to, now))
        return HttpResponseRedirect(f"{page_of(subject)}#letter")

    def letter_story(self, request: HttpRequest, subject: Subject) -> dict[str, Any]:
        """What `letter.html` shows: how an inbox shows the letter, the frame's address, and who can be chosen."""
        asked, now = _asked(request), timezone.now()
        letter, draft = self._letter(subject, asked, now)
        mailing_list = draft.mailing.list if draft else None
        named = request.GET.get("as", "").strip()
        return {
            "letter": None if isinstance(letter, str) else letter,
            "no_way_out": draft is not None and not can_be_left(draft.mailing.pinned),
            "problem": letter if isinstance(letter, str) else "",
            "sender": (mailing_list.from_name or mailing_list.name) if mailing_list else "",
            "frame": f"{self.own_url('letter', subject)}?{urlencode({'as': asked.email if asked else ''})}",
            "asked": asked,
            "unknown": named if named and asked is None else "",
            "why_not": why_not(draft.mailing, asked, now) if asked and draft else "",
            "may_choose": may_see_addresses(request.user),
            "people_url": self.own_url("people", subject),
            "test_url": self.own_url("test", subject) if may_send(request.user) else "",
            "own_address": getattr(request.user, "email", ""),
        }

    def _letter(self, subject: Subject, asked: Recipient | None, now: datetime) -> tuple[Letter | str, Draft | None]:
        """The letter, or in a sentence why there is none."""
        draft = None
        try:
            draft = self.draft_for(subject, asked, now)
            return letter_of(draft, asked), draft
        except TemplateVersion.DoesNotExist:
            return "The template has no version yet; run manage.py sync_templates.", draft
        except TemplateError as error:
            return str(error), draft

    def _subject(self, request: HttpRequest, pk: int) -> Subject:
        subject = self.get_object(request, str(pk))
        if subject is None:
            raise Http404("There is no such page.")
        if not self.has_view_permission(request, subject):
            raise PermissionDenied
        return subject


def _asked(request: HttpRequest) -> Recipient | None:
    """Whom `?as=` names, for those who may see people's addresses and what else is known of them."""
    return find_recipient(request.GET.get("as", "")) if may_see_addresses(request.user) else None
