"""Announcements: written, looked at, counted, tested, and let go now or at a time."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.forms import Script
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern
from django.utils import timezone
from django.views.decorators.http import require_POST

from mailer.admin.access import may_send
from mailer.admin.announcement_form import DEFAULT_TEMPLATE, PREFIX, AnnouncementForm, asked_by, form_for
from mailer.admin.announcement_send import SendForm
from mailer.admin.base import View
from mailer.admin.columns import moment, page_of, related, state
from mailer.admin.letters import LetterPages
from mailer.admin.tallies import SCRIPT, begin_tally, continue_tally
from mailer.audience.tally import parts_of_announcement
from mailer.insight.words import when, when_there
from mailer.models import Announcement, EmailTemplate, Mailing, Recipient
from mailer.models.mailings import NAMED
from mailer.scheduling.announcements import (
    CATCH_UP,
    NotToBeSent,
    copy_announcement,
    plan_announcement,
    schedule_announcement,
    withdraw,
)
from mailer.scheduling.drafts import Draft, draft_announcement
from mailer.templating.sandbox import TemplateError
from mailer.waking import wake_mailing

WHAT = ("name", "template")
TO_WHOM = ("lists", "segment")


@admin.register(Announcement)
class AnnouncementPages(LetterPages[Announcement]):
    """Announcements, newest first; only a draft can be changed."""

    form = AnnouncementForm
    list_display = ("name", state(), moment("send_at", "Goes"), related("template", "Template"), "goes_to")
    list_filter = ("status",)
    search_fields = ("name",)
    autocomplete_fields = ("lists", "segment")
    change_form_outer_after_template = "admin/mailer/announcement_story.html"
    empty_hint = "No announcements yet: add one, look at it as somebody gets it, send yourself a test, and let it go."

    class Media:
        js = (SCRIPT, Script("admin/mailer/announcement.js", defer=True))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Announcement]:
        """With what a row shows."""
        rows = super().get_queryset(request)
        return rows.select_related("template", "version", "segment__list", "sent_by").prefetch_related("lists")

    @admin.display(description="To")
    def goes_to(self, announcement: Announcement) -> str:
        """The lists, or the segment."""
        if announcement.segment is not None:
            return f"segment {announcement.segment}"
        return ", ".join(str(each) for each in announcement.lists.all()) or "nobody yet"

    def has_change_permission(self, request: HttpRequest, obj: Announcement | None = None) -> bool:
        """Nobody changes what is on its way."""
        return _is_draft(obj) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Announcement | None = None) -> bool:
        """Nobody deletes it either."""
        return _is_draft(obj) and super().has_delete_permission(request, obj)

    def get_form(self, request: HttpRequest, obj: Announcement | None = None, change: bool = False, **kw: Any) -> Any:
        """With the fields of the template that is chosen."""
        return super().get_form(request, obj, change, **{**kw, "form": form_for(_template(request, obj))})

    def get_fieldsets(self, request: HttpRequest, obj: Announcement | None = None) -> list[Any]:
        """What it says are the template's own fields; who may only look sees them below."""
        written = [f"{PREFIX}{own.name}" for own in asked_by(_template(request, obj))]
        may_write = self.has_change_permission(request, obj) if obj else self.has_add_permission(request)
        says = [("What it says", {"fields": written})] if written and may_write else []
        return [(None, {"fields": WHAT}), ("To whom", {"fields": TO_WHOM}), *says]

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """The usual template, unless the address names another."""
        return {"template": _template(request, None), **super().get_changeform_initial_data(request)}

    def get_urls(self) -> list[URLPattern]:
        """Send, take back, copy and count beside the usual addresses."""
        views: dict[str, View] = {
            "send": self.send_view,
            "withdraw": require_POST(self.withdraw_view),
            "copy": require_POST(self.copy_view),
            "count": self.count_view,
        }
        return [*self.own_urls(views), *super().get_urls()]

    def draft_for(self, subject: Announcement, recipient: Recipient | None, now: datetime) -> Draft:
        """The announcement as it stands."""
        return draft_announcement(subject, recipient, now)

    def count_view(self, request: HttpRequest, pk: int) -> JsonResponse:
        """The next slice of those who would get it."""
        now = timezone.now()
        return continue_tally(request, parts_of_announcement(self._subject(request, pk), now), now)

    def send_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask first, with who would get it; then, by POST, let it go now or at a time."""
        announcement, now = self._to_send(request, pk), timezone.now()
        count = begin_tally(request, parts_of_announcement(announcement, now), self.own_url("count", announcement), now)
        form = SendForm(request.POST if request.method == "POST" else None, tally=count["tally"], now=now)
        if request.method == "POST" and form.is_valid():
            return self._send(request, announcement, form)
        context = {
            **self.admin_site.each_context(request),
            "title": f"Send “{announcement}”?",
            "opts": self.opts,
            "announcement": announcement,
            "count": count,
            "form": form,
            "catch_up": f"{CATCH_UP // timedelta(hours=1)} hours",
            "media": self.media,
            "back": page_of(announcement),
        }
        return TemplateResponse(request, "admin/mailer/announcement_send.html", context)

    def withdraw_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Make it a draft again, if nothing is planned yet."""
        announcement = self._subject(request, pk)
        if not may_send(request.user):
            raise PermissionDenied
        if withdraw(announcement):
            self.log_change(request, announcement, "Taken back before it was sent.")
            self.message_user(request, f"“{announcement}” is a draft again; nothing was sent.", messages.SUCCESS)
        else:
            self.message_user(request, "It was too late to take it back: it is on its way.", messages.WARNING)
        return HttpResponseRedirect(page_of(announcement))

    def copy_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """A new draft of the same."""
        announcement = self._subject(request, pk)
        if not self.has_add_permission(request):
            raise PermissionDenied
        copied = copy_announcement(announcement)
        self.log_addition(request, copied, f"Copied from announcement {announcement.pk}.")
        return HttpResponseRedirect(page_of(copied))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The form, and below it who gets it, how it arrives, and what became of it."""
        announcement = self.get_object(request, object_id)
        story = {} if announcement is None else self._story(request, announcement)
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **story})

    def _send(self, request: HttpRequest, announcement: Announcement, form: SendForm) -> HttpResponse:
        zone = form.cleaned_data["time_zone"]
        try:
            schedule_announcement(announcement, form.send_at, zone, request.user)
        except (NotToBeSent, TemplateError) as error:
            self.message_user(request, str(error), messages.WARNING)
            return HttpResponseRedirect(page_of(announcement))
        awake = [wake_mailing(mailing.pk) for mailing in plan_announcement(announcement.pk, timezone.now())]
        goes = f"goes {when(form.send_at)}" if form.send_at > timezone.now() else "is on its way"
        self.log_change(request, announcement, f"Let go: {goes}.")
        hint = "" if all(awake) else " It leaves as soon as the task queue can be reached."
        self.message_user(request, f"“{announcement}” {goes}.{hint}", messages.SUCCESS)
        return HttpResponseRedirect(page_of(announcement))

    def _to_send(self, request: HttpRequest, pk: int) -> Announcement:
        announcement = self._subject(request, pk)
        if not may_send(request.user):
            raise PermissionDenied
        return announcement

    def _story(self, request: HttpRequest, announcement: Announcement) -> dict[str, Any]:
        now = timezone.now()
        parts = parts_of_announcement(announcement, now)
        mailings = Mailing.objects.filter(announcement=announcement).order_by("pk")
        return {
            "announcement": announcement,
            "count": begin_tally(request, parts, self.own_url("count", announcement), now),
            "until": _until(announcement),
            "in_order": announcement.lists_in_order(),
            "written": [(own.label, announcement.fields.get(own.name)) for own in asked_by(announcement.template)],
            "mailings": mailings.select_related(*NAMED),
            "may_send": may_send(request.user),
            "may_add": self.has_add_permission(request),
            **self.letter_story(request, announcement),
        }


def _until(announcement: Announcement) -> str:
    """The last moment at which it would still be sent, by the clocks by which it was scheduled."""
    due = announcement.send_at
    return when_there((due + CATCH_UP).astimezone(ZoneInfo(announcement.time_zone))) if due else ""


def _is_draft(announcement: Announcement | None) -> bool:
    return announcement is None or announcement.status == Announcement.Status.DRAFT


def _template(request: HttpRequest, announcement: Announcement | None) -> EmailTemplate | None:
    """The template whose fields the form has: the one just chosen, the stored one, or for a new one the usual."""
    chosen = request.POST.get("template", request.GET.get("template", ""))
    if chosen.isdecimal() and len(chosen) < 19:
        return EmailTemplate.objects.filter(pk=chosen).first()
    if announcement is not None:
        return announcement.template
    return EmailTemplate.objects.filter(slug=DEFAULT_TEMPLATE).first()
