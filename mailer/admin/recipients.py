"""People: all that is known of one, what can be done about it, and their details."""

from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern
from django.utils import timezone

from mailer.admin.access import may_see_addresses
from mailer.admin.base import Rows
from mailer.admin.columns import list_of, moment
from mailer.admin.find import question_urls
from mailer.admin.import_story import import_doors
from mailer.admin.person_actions import PersonActions
from mailer.admin.person_forms import SuppressForm
from mailer.insight.people import with_address
from mailer.insight.person import Story, by_whose_word, moment_in_words, story_of
from mailer.insight.stories import server_answer, what_happened
from mailer.models import Delivery, Digest, Recipient, Subscription


class SubscriptionRows(Rows):
    """The lists that a new recipient is put on; later the person's page has them."""

    model = Subscription
    fields = ("list", "status", "cadence", "source")
    autocomplete_fields = ("list",)


@admin.register(Recipient)
class RecipientPages(PersonActions):
    """Recipients, newest first."""

    list_display = ("email", "name", "time_zone", "language", moment("created_at", "Since", sortable=False))
    sortable_by = ("email",)
    search_fields = ("email",)
    search_help_text = "Address, or its beginning"
    fieldsets = (("Details", {"fields": ("email", "name", "time_zone", "language", "attributes")}),)
    actions = None  # people are erased one by one: who is only deleted stays in the logs
    inlines = (SubscriptionRows,)
    change_form_outer_before_template = "admin/mailer/person.html"
    empty_hint = "No recipients yet: choose “Import recipients” above, or add one."

    def doors(self, request: HttpRequest, shown: Any) -> list[tuple[str, str]]:
        """Import, and export."""
        return [*import_doors(request), *super().doors(request, shown)]

    def get_urls(self) -> list[URLPattern]:
        """The questions about people beside the usual addresses."""
        return [*question_urls(), *super().get_urls()]

    def get_inlines(self, request: HttpRequest, obj: Recipient | None) -> tuple[Any, ...]:
        """The form of somebody who is known has no lists: those are above it, with their history."""
        return self.inlines if obj is None else ()

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Recipient], search_term: str
    ) -> tuple[QuerySet[Recipient], bool]:
        """By the unique address."""
        whole = not may_see_addresses(request.user)
        return (with_address(queryset, search_term, whole) if search_term else queryset), False

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """All that is known of the person, and below it their details."""
        person = self.get_object(request, object_id)
        context: dict[str, Any] = {} if person is None else _page(request, person)
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **context})


def _page(request: HttpRequest, person: Recipient) -> dict[str, Any]:
    before = request.GET.get("before", "")
    story = story_of(person, timezone.now(), int(before) if before.isdecimal() else None)
    may = request.user.has_perm
    return {
        "story": story,
        "history": [(one.list, moment_in_words(one)) for one in story.history],
        "memberships": [
            (row.subscription, row.since and by_whose_word(row.since), row.since) for row in story.memberships
        ],
        "active_lists": sum(row.subscription.status != "unsubscribed" for row in story.memberships),
        "mails": [(mail, what_happened(mail)) for mail in story.mails.shown],
        "trouble": [(mail, what_happened(mail), server_answer(mail)) for mail in story.mails.trouble],
        "score_limit": settings.BOUNCE_SCORE_LIMIT,
        "digests": _digests(story),
        "suppress_form": SuppressForm(initial={"reason": "manual"}),
        "all_mails": list_of(Delivery, f"q={quote(person.email)}") if may_see_addresses(request.user) else "",
        "may_suppress": may("mailer.add_suppression"),
        "may_lift": may("mailer.change_suppression"),
        "may_unsubscribe": may("mailer.change_subscription"),
        "may_subscribe": may("mailer.add_subscription"),
        "may_erase": may("mailer.delete_recipient"),
        "show_delete": False,  # the page's own button says what it does: it erases
        "may_export": may_see_addresses(request.user),
    }


def _digests(story: Story) -> QuerySet[Digest]:
    """Those of the lists that the person is or was on; all, if there are none."""
    theirs = Digest.objects.filter(list__in={one.list.pk for one in story.history})
    return theirs if theirs else Digest.objects.all()
