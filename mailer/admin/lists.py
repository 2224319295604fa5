"""Lists: who sends, who is on them, and which digests go to them."""

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html

from mailer.admin.base import Pages, UnfoldAdminColorInputWidget
from mailer.admin.columns import list_of, moment
from mailer.insight.list_figures import story_of_list
from mailer.insight.words import when_there
from mailer.models import Digest, DigestItem, Feed, Mailing, RecipientList, Segment, Subscription
from mailer.models.mailings import NAMED
from mailer.scheduling.schedules import next_occurrences

#: How many mailings the list's own page shows.
LAST_MAILINGS = 5


@admin.register(RecipientList)
class RecipientListPages(Pages):
    """Lists by name."""

    list_display = ("name", "slug", "time_zone", "double_opt_in", "is_public", moment("created_at", "Since"))
    search_fields = ("name", "slug")
    prepopulated_fields = {"slug": ("name",)}
    fieldsets = (
        (None, {"fields": ("name", "slug", "description")}),
        ("Sender", {"fields": ("from_name", "from_email", "reply_to")}),
        ("Look of the mails", {"fields": ("accent", "logo_url", "logo_alt", "logo_link", "logo_width")}),
        ("Subscribers", {"fields": ("time_zone", "language", "double_opt_in", "is_public", "archive_is_public")}),
    )
    change_form_outer_before_template = "admin/mailer/list_story.html"
    empty_hint = "No lists yet: add one, then import its recipients from its page."

    def formfield_for_dbfield(self, db_field: "models.Field[Any, Any]", request: HttpRequest, **kwargs: Any) -> Any:
        """The accent is chosen from the browser's colours."""
        if db_field.name == "accent":
            kwargs["widget"] = UnfoldAdminColorInputWidget
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The form, and above it how the list is doing."""
        mailing_list = self.get_object(request, object_id)
        story = {} if mailing_list is None else _story(mailing_list)
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **story})


def _story(mailing_list: RecipientList) -> dict[str, Any]:
    here = f"list__id__exact={mailing_list.pk}"
    now = timezone.now()
    digests = Digest.objects.filter(list=mailing_list).select_related("periodic_task__crontab", "list")
    mailings = Mailing.objects.filter(list=mailing_list).exclude(kind=Mailing.Kind.TEST)
    story = story_of_list(mailing_list, now)
    return {
        "subscribers": [
            {
                "state": state,
                "label": label,
                "count": count,
                "url": list_of(Subscription, f"{here}&status__exact={state}"),
            }
            for state, label, count in story.by_state
        ],
        "growth": story.growth,
        "bars": story.growth.bars(),
        "as_of": story.as_of,
        "digests": [(digest, [when_there(each) for each in next_occurrences(digest, now, 5)]) for digest in digests],
        "segments": Segment.objects.filter(list=mailing_list).prefetch_related("conditions"),
        "feeds": [(feed, _health_of(feed)) for feed in Feed.objects.filter(list=mailing_list)],
        "addresses": _addresses(mailing_list.slug),
        "mailings": mailings.select_related(*NAMED)[:LAST_MAILINGS],
        "links": {
            "subscribers": list_of(Subscription, here),
            "add_subscriber": f"{reverse('admin:mailer_subscription_add')}?list={mailing_list.pk}",
            "add_segment": f"{reverse('admin:mailer_segment_add')}?list={mailing_list.pk}",
            "add_announcement": f"{reverse('admin:mailer_announcement_add')}?lists={mailing_list.pk}",
            "add_feed": f"{reverse('admin:mailer_feed_add')}?list={mailing_list.pk}",
            "add_digest": f"{reverse('admin:mailer_digest_add')}?list={mailing_list.pk}",
            "import": f"{reverse('admin:mailer_import_add')}?list={mailing_list.pk}",
            "items": list_of(DigestItem, here),
            "mailings": list_of(Mailing, here),
        },
    }


def _addresses(slug: str) -> dict[str, str]:
    """Where the list's pages for everybody are, in full, and the line that puts its form into a page of one's own."""
    names = ("sign_up", "embedded_sign_up", "archive", "archive_feed")
    found = {name: f"{settings.SITE_URL}{reverse(name, args=[slug])}" for name in names}
    frame = '<iframe src="{}" title="Subscribe" width="100%" height="320" style="border:0"></iframe>'
    return {**found, "snippet": format_html(frame, found["embedded_sign_up"])}


def _health_of(feed: Feed) -> str:
    """In words, whether its entries become items."""
    if not feed.is_followed:
        return "It is not followed."
    if feed.problem:
        return f"It can't be read: {feed.problem}"
    if feed.read_at is None:
        return "It is about to be read for the first time."
    new = f"something new last came {when_there(feed.new_at)}" if feed.new_at else "nothing new has come yet"
    return f"Read {when_there(feed.read_at)}; {new}."
