"""Feeds that lists follow: looked at before they are followed, and then how they are."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern
from django.utils import timezone
from django.views.decorators.http import require_POST

from mailer.admin.access import row_to_change
from mailer.admin.base import AutocompleteSelectFilter, Pages
from mailer.admin.columns import list_of, moment, page_of, related, state_label
from mailer.models import DigestItem, Feed
from mailer.scheduling.feeds import UnreadableFeed, follow, look_at
from mailer.waking import wake_feed


class FeedForm(forms.ModelForm):  # type: ignore[type-arg]
    """A feed whose address is tried before it is taken."""

    class Meta:
        model = Feed
        fields = ("list", "url", "title", "category", "every", "newest_first")

    def clean(self) -> dict[str, Any] | None:
        """Read it once where the address is new: what can't be read is told here, and not by silence later."""
        cleaned = super().clean()
        address = (cleaned or {}).get("url")
        if address and (self.instance.pk is None or "url" in self.changed_data):
            self.instance.url, self.instance.newest_first = address, (cleaned or {}).get("newest_first") or 0
            self.instance.title = (cleaned or {}).get("title") or ""
            try:
                look_at(self.instance, timezone.now())
            except UnreadableFeed as error:
                self.add_error("url", str(error))
            else:
                (cleaned or {})["title"] = self.instance.title
        return cleaned


@admin.register(Feed)
class FeedPages(Pages):
    """Feeds by list."""

    form = FeedForm
    list_display = ("name", related("list", "List"), "state", moment("new_at", "Last new"), moment("next_at", "Next"))
    list_filter = (("list", AutocompleteSelectFilter), "is_followed")
    list_select_related = ("list",)
    search_fields = ("title", "url")
    autocomplete_fields = ("list",)
    fields = ("list", "url", "title", "category", "newest_first", "every")
    change_form_outer_before_template = "admin/mailer/feed_story.html"
    empty_hint = "No feeds yet: add the address of an RSS or Atom feed, and its new entries become items of a list."

    @admin.display(description="Feed", ordering="title")
    def name(self, feed: Feed) -> str:
        """By its title, or else its address."""
        return str(feed)

    @admin.display(description="State")
    def state(self, feed: Feed) -> str:
        """Whether it is followed, and can be read."""
        if not feed.is_followed:
            return state_label("stopped", "Not followed")
        return state_label("failed", "Can't be read") if feed.problem else state_label("active", "Followed")

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The form, and above it how the feed is."""
        feed = self.get_object(request, object_id)
        story = {} if feed is None else _story(feed)
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **story})

    def response_add(self, request: HttpRequest, obj: Feed, post_url_continue: str | None = None) -> HttpResponse:
        """On to its page, where it is looked at and followed."""
        return HttpResponseRedirect(page_of(obj))

    def get_urls(self) -> list[URLPattern]:
        """What its page's buttons do, beside the usual addresses."""
        views = {"follow": self.follow_view, "unfollow": self.unfollow_view, "read": self.read_view}
        return [*self.own_urls({name: require_POST(view) for name, view in views.items()}), *super().get_urls()]

    def follow_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """From now on its new entries become items."""
        feed = row_to_change(self, request, pk)
        follow(feed, timezone.now())
        return self._done(request, feed, "Followed from now on.", is_woken=wake_feed(feed.pk))

    def unfollow_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Its items stay."""
        feed = row_to_change(self, request, pk)
        Feed.objects.filter(pk=pk).update(is_followed=False)
        return self._done(request, feed, "Not followed any more; its items stay.")

    def read_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """At once, not at its next time."""
        feed = row_to_change(self, request, pk)
        Feed.objects.filter(pk=pk).update(next_at=timezone.now())
        return self._done(request, feed, "Is being read.", is_woken=wake_feed(feed.pk))

    def _done(self, request: HttpRequest, feed: Feed, words: str, is_woken: bool = True) -> HttpResponse:
        self.log_change(request, feed, words)
        later = "" if is_woken else " The task queue can't be reached; it happens with the next tick."
        self.message_user(request, f"{feed}: {words}{later}", messages.SUCCESS)
        return HttpResponseRedirect(page_of(feed))


def _story(feed: Feed) -> dict[str, Any]:
    entries = [
        {**entry, "at": datetime.fromisoformat(entry["at"]) if entry["at"] else None}
        for entry in feed.recent.get("entries", [])
    ]
    return {"entries": entries, "items_url": list_of(DigestItem, f"list__id__exact={feed.list_id}")}
