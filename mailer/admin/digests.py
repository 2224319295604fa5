"""Digests: the form with its schedule, what comes next and for whom, how it arrives, pause and resume, send now."""

from datetime import datetime, timedelta
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern
from django.utils import timezone
from django.views.decorators.http import require_POST

from mailer.admin.access import may_send
from mailer.admin.base import AutocompleteSelectFilter, View
from mailer.admin.columns import list_of, page_of, related, state_label
from mailer.admin.digest_form import SCHEDULE_FIELDS, DigestForm, shown_schedule, source_choices
from mailer.admin.digest_items import ItemsOfDigest
from mailer.admin.second_look import is_number, needs_second_look
from mailer.admin.tallies import SCRIPT, begin_tally, continue_tally
from mailer.audience.tally import parts_of_digest
from mailer.insight.upcoming import (
    last_mailing_of,
    news_in_words,
    states_of_sources,
    subscribers_of,
    waiting_for,
    weekly_subscribers_of,
    without_news,
)
from mailer.insight.words import when_there
from mailer.models import Digest, Mailing, Recipient, TemplateVersion
from mailer.scheduling.drafts import Draft, draft_digest
from mailer.scheduling.planning import NothingToSend, plan_now
from mailer.scheduling.schedules import (
    next_occurrences,
    rule_of,
    schedule_in_words,
    scheduled_moments,
    set_paused,
    set_schedule,
)
from mailer.waking import wake_mailing

WHAT = ("name", "slug", "list", "template")
LIMITS = ("catch_up_hours", "spread_minutes", "send_when_empty", "max_items", "more_url")


@admin.register(Digest)
class DigestPages(ItemsOfDigest):
    """Digests by name."""

    form = DigestForm
    list_display = ("name", related("list", "List"), "goes", "next_time", "running", related("template", "Template"))
    list_filter = (("list", AutocompleteSelectFilter),)
    search_fields = ("name", "slug")
    autocomplete_fields = ("list", "template")
    change_form_outer_after_template = "admin/mailer/digest_story.html"
    empty_hint = "No digests yet: add a list first, then a digest for it."

    class Media:
        js = (SCRIPT,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Digest]:
        """With the schedule."""
        return super().get_queryset(request).select_related("list", "template", "periodic_task__crontab")

    def get_fieldsets(self, request: HttpRequest, obj: Digest | None = None) -> list[Any]:
        """With the schedule's fields, or with a line on the schedule that is too much for them."""
        plain = shown_schedule(obj) is not None and self._may_write(request, obj)
        schedule = SCHEDULE_FIELDS if plain else ("crontab",)
        sources = [("Sources", {"fields": ("sources",)})] if source_choices(obj) else []
        return [
            (None, {"fields": WHAT}),
            *sources,
            ("When", {"fields": (*schedule, "in_recipients_zone", "weekly_on")}),
            ("Limits", {"fields": LIMITS}),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Digest | None = None) -> tuple[str, ...]:
        """A slug that schedules and scripts already name stays."""
        return ("crontab",) if obj is None else ("crontab", "slug")

    def get_prepopulated_fields(self, request: HttpRequest, obj: Digest | None = None) -> dict[str, Any]:
        """A new digest's slug is made from its name."""
        return {"slug": ("name",)} if obj is None else {}

    def history_of(self, obj: Model) -> list[Model]:
        """Its schedule's changes too, which somebody may have made in beat's own pages."""
        task = obj.periodic_task if isinstance(obj, Digest) else None
        return [found for found in (obj, task, task and task.crontab) if found is not None]

    @admin.display(description="Schedule")
    def crontab(self, digest: Digest) -> str:
        """The schedule as text, with where to change it."""
        cron = rule_of(digest)
        if cron is None:
            return "not scheduled"
        shown = schedule_in_words(digest) if cron[0].startswith("@") else f"{cron[0]} ({cron[1]})"
        return f"{shown}, changed under Schedules, Periodic tasks"

    @admin.display(description="Goes")
    def goes(self, digest: Digest) -> str:
        """When, in words."""
        return schedule_in_words(digest)

    @admin.display(description="Next")
    def next_time(self, digest: Digest) -> str:
        """The next moment, with its zone."""
        moments = next_occurrences(digest, timezone.now(), 1)
        return when_there(moments[0]) if moments else "–"

    @admin.display(description="State")
    def running(self, digest: Digest) -> str:
        """On, paused, or without a schedule."""
        if digest.periodic_task is None:
            return state_label("cancelled", "Not scheduled")
        return state_label("paused", "Paused") if digest.paused else state_label("active", "On")

    def save_model(self, request: HttpRequest, obj: Digest, form: Any, change: bool) -> None:
        """The digest, and its schedule in beat."""
        super().save_model(request, obj, form, change)
        if form.schedule is not None:
            set_schedule(obj, form.schedule)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The form, and below it what comes next."""
        digest = self.get_object(request, object_id)
        story = {} if digest is None else self._story(request, digest)
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **story})

    def get_urls(self) -> list[URLPattern]:
        """Pause, resume, send now and count beside the usual addresses."""
        views: dict[str, View] = {
            "pause": require_POST(self.pause_view),
            "resume": require_POST(self.resume_view),
            "send": self.send_view,
            "count": self.count_view,
        }
        return [*self.own_urls(views), *super().get_urls()]

    def draft_for(self, subject: Digest, recipient: Recipient | None, now: datetime) -> Draft:
        """The digest with what waits to be in it."""
        return draft_digest(subject, recipient, now)

    def pause_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Switch the schedule off, and say what will be skipped."""
        digest = self._digest_to_send(request, pk)
        set_paused(digest, True)
        self.log_change(request, digest, "Paused.")
        moments = _in_words(scheduled_moments(digest, timezone.now(), 3))
        note = f" Skipped until it is resumed: {'; '.join(moments)}, and so on." if moments else ""
        self.message_user(request, f"{digest} is paused.{note}", messages.SUCCESS)
        return HttpResponseRedirect(page_of(digest))

    def resume_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Switch the schedule on again, and say what comes next."""
        digest = self._digest_to_send(request, pk)
        set_paused(digest, False)
        self.log_change(request, digest, "Resumed.")
        moments = _in_words(next_occurrences(digest, timezone.now(), 1))
        note = f" It goes next {moments[0]}, with all that has come in meanwhile." if moments else ""
        self.message_user(request, f"{digest} is on again.{note}", messages.SUCCESS)
        return HttpResponseRedirect(page_of(digest))

    def count_view(self, request: HttpRequest, pk: int) -> JsonResponse:
        """The next slice of those who would get it."""
        return continue_tally(request, parts_of_digest(self._subject(request, pk)), timezone.now())

    def send_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask first, with the numbers; then, by POST, send the digest outside its schedule."""
        digest, now = self._digest_to_send(request, pk), timezone.now()
        people, typed = subscribers_of(digest), request.POST.get("typed", "")
        look, waiting = needs_second_look(people), waiting_for(digest, now)
        if request.method == "POST" and (not look or is_number(typed, people)):
            return self._send(request, digest)
        context = {
            **self.admin_site.each_context(request),
            "title": f"Send {digest.name} now?",
            "opts": self.opts,
            "digest": digest,
            "people": people,
            "empty": without_news(digest, now),
            "second_look": look,
            "wrong_number": request.method == "POST",
            "waiting": waiting,
            "nothing_new": not (waiting.item_count or digest.send_when_empty or digest.sources),
            "last": last_mailing_of(digest),
            "version": digest.template.versions.to_send().first(),
            "back": page_of(digest),
        }
        return TemplateResponse(request, "admin/mailer/digest_send.html", context)

    def _send(self, request: HttpRequest, digest: Digest) -> HttpResponse:
        try:
            mailing = plan_now(digest, timezone.now(), request.user)
        except (NothingToSend, TemplateVersion.DoesNotExist) as error:
            self.message_user(request, str(error), messages.WARNING)
            return HttpResponseRedirect(page_of(digest))
        awake = wake_mailing(mailing.pk)
        self.log_change(request, digest, f"Sent now, as mailing {mailing.pk}.")
        goes = "is on its way" if awake else "is planned, and goes as soon as the task queue can be reached,"
        self.message_user(request, f"{digest} {goes} to {mailing.planned:,} recipients.", messages.SUCCESS)
        return HttpResponseRedirect(page_of(mailing))

    def _digest_to_send(self, request: HttpRequest, pk: int) -> Digest:
        digest = self._subject(request, pk)
        if not (self.has_change_permission(request, digest) and may_send(request.user)):
            raise PermissionDenied
        return digest

    def _may_write(self, request: HttpRequest, digest: Digest | None) -> bool:
        return self.has_add_permission(request) if digest is None else self.has_change_permission(request, digest)

    def _story(self, request: HttpRequest, digest: Digest) -> dict[str, Any]:
        now = timezone.now()
        moments = scheduled_moments(digest, now, 5)
        window = timedelta(hours=digest.catch_up_hours)
        items = self.items_story(request, digest)
        return {
            "digest": digest,
            "sources": states_of_sources(digest),
            "next_five": _in_words(moments),
            "until": when_there(moments[0] + window) if moments else "",
            "in_words": schedule_in_words(digest),
            "count": begin_tally(request, parts_of_digest(digest), self.own_url("count", digest), now),
            "news": news_in_words(digest, items["waiting"], now),
            "weekly": weekly_subscribers_of(digest),
            "last": last_mailing_of(digest),
            "may_send": self.has_change_permission(request, digest) and may_send(request.user),
            "mailings_url": list_of(Mailing, f"digest__id__exact={digest.pk}"),
            **items,
            **self.letter_story(request, digest),
        }


def _in_words(moments: list[datetime]) -> list[str]:
    return [when_there(moment) for moment in moments]
