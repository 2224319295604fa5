"""The log of mailings: what went, or did not go, to whom and when."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.http import urlencode

from mailer.admin.access import may_see_mail, may_send
from mailer.admin.as_sent import MailingAsSent
from mailer.admin.base import AutocompleteSelectFilter
from mailer.admin.columns import list_of, moment, outcome_bar, related, state
from mailer.admin.mailing_control import MailingControl, is_running
from mailer.insight.batches import MOST_SHOWN, batches_of, read_summary
from mailer.insight.failures import failures_of
from mailer.insight.figures import figures_of
from mailer.insight.outcomes import lateness, shares, speed, state_in_words, sum_line
from mailer.insight.pacing import held_in_words
from mailer.models import Delivery, Mailing, RelayPause
from mailer.models.figures import is_counted
from mailer.models.mailings import NAMED
from mailer.sending.control import may_go_on

#: How many of a mailing's items its page shows.
MOST_ITEMS = 50
#: Seconds after which a running mailing's page is loaded again in a browser without script.
FOLLOW_EACH = 5


@admin.register(Mailing)
class MailingPages(MailingAsSent, MailingControl):
    """Mailings, newest first."""

    list_display = ("what", related("list", "List"), moment("scheduled_for", "Due"), state(), "outcome", "numbers")
    list_filter = ("kind", "status", ("list", AutocompleteSelectFilter), ("digest", AutocompleteSelectFilter))
    list_before_template = "admin/mailer/relay_pause.html"
    search_fields = ("digest__name", "list__name")
    search_help_text = "Name of a digest or list"
    change_form_outer_before_template = "admin/mailer/mailing_story.html"
    empty_hint = "Nothing was sent yet: a digest's page says when it goes next, and can send it now."

    def get_queryset(self, request: HttpRequest) -> QuerySet[Mailing]:
        """With all that a mailing's name needs."""
        named = (*NAMED, "created_by")
        return super().get_queryset(request).select_related(*named)

    def get_fieldsets(self, request: HttpRequest, obj: Mailing | None = None) -> list[Any]:
        """None: the page is all in its own template."""
        return []

    @admin.display(description="Mailing")
    def what(self, mailing: Mailing) -> str:
        """What was sent, without the time, which has its own column."""
        return mailing.name

    @admin.display(description="Outcome")
    def outcome(self, mailing: Mailing) -> str:
        """The bar."""
        return outcome_bar(shares(mailing))

    @admin.display(description="Deliveries")
    def numbers(self, mailing: Mailing) -> str:
        """The sum."""
        return sum_line(mailing)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The list, under a warning while a mail server cannot be used."""
        pauses = RelayPause.objects.all()[:5]
        return super().changelist_view(request, {**(extra_context or {}), "pauses": pauses})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The whole story of the mailing."""
        mailing = self.get_object(request, object_id)
        story = {}
        if mailing is not None:
            powers = {"may_send": may_send(request.user), "may_see_mail": may_see_mail(request.user, mailing)}
            story = {**_story(mailing), **powers}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **story})

    def progress_of(self, mailing: Mailing) -> dict[str, Any]:
        """What the card shows that follows a running mailing."""
        return _progress(mailing)


def _story(mailing: Mailing) -> dict[str, Any]:
    batches = batches_of(mailing)
    return {
        **_progress(mailing),
        "lateness": lateness(mailing),
        "speed": speed(mailing),
        **_figures(mailing),
        "failures": failures_of(mailing) if may_go_on(mailing) else [],
        "follow_each": FOLLOW_EACH if is_running(mailing) else 0,
        "items": mailing.mailing_items.select_related("item")[:MOST_ITEMS],
        "batches": [(batch, read_summary(batch)) for batch in batches],
        "more_batches": len(batches) == MOST_SHOWN,
        "pauses": [] if mailing.final else RelayPause.objects.all()[:5],
    }


def _progress(mailing: Mailing) -> dict[str, Any]:
    parts = shares(mailing)
    return {
        "mailing": mailing,
        "shares": parts,
        "sum_line": sum_line(mailing),
        "in_words": state_in_words(mailing),
        "held": "" if mailing.final else held_in_words(mailing),
        "all_deliveries": list_of(Delivery, f"mailing__id__exact={mailing.pk}"),
        "by_state": [(part, list_of(Delivery, _of_state(mailing, part.state))) for part in parts],
    }


def _figures(mailing: Mailing) -> dict[str, Any]:
    """What was counted, each row with the deliveries that it counts."""
    figures = figures_of(mailing)
    if figures is None:
        return {"is_to_be_counted": is_counted(mailing) and mailing.finished_at is not None}
    return {
        "figures": figures,
        "ended": [
            (row, _log(mailing, state=row.status, reason=row.reason) if row.reason else _log(mailing, state=row.status))
            for row in figures.ended
        ],
        "at_domains": [(row, _log(mailing, domain=row.domain) if row.domain else "") for row in figures.domains],
    }


def _log(mailing: Mailing, **filters: str) -> str:
    return list_of(Delivery, urlencode({"mailing": str(mailing.pk), **filters}))


def _of_state(mailing: Mailing, name: str) -> str:
    state = Delivery.Status.QUEUED if name == "waiting" else name
    return f"mailing__id__exact={mailing.pk}&status__exact={state}"
