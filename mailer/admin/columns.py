"""Columns of the lists: a moment with its zone, a state as a label, a link to another page."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from mailer.admin.access import shown_text
from mailer.insight.outcomes import Share
from mailer.insight.words import when

Column = Callable[[Any], str]

#: state → (sort of label, sign); the sign and the word say it without colour.
LOOKS: dict[str, tuple[str, str]] = {
    "sent": ("good", "✓"),
    "done": ("good", "✓"),
    "delivered": ("good", "✓"),
    "active": ("good", "✓"),
    "alive": ("good", "✓"),
    "SUCCESS": ("good", "✓"),
    "draft": ("calm", "✎"),
    "scheduled": ("busy", "…"),
    "uploaded": ("calm", "…"),
    "checking": ("busy", "→"),
    "checked": ("calm", "…"),
    "running": ("busy", "→"),
    "undoing": ("busy", "→"),
    "undone": ("calm", "↩"),
    "queued": ("calm", "…"),
    "planned": ("calm", "…"),
    "waiting": ("calm", "…"),
    "due": ("calm", "…"),
    "stopped": ("calm", "–"),
    "pending": ("calm", "…"),
    "sending": ("busy", "→"),
    "STARTED": ("busy", "→"),
    "RETRY": ("busy", "↻"),
    "paused": ("warn", "‖"),
    "skipped": ("calm", "–"),
    "unsubscribed": ("calm", "–"),
    "cancelled": ("calm", "–"),
    "missed": ("bad", "!"),
    "overdue": ("bad", "!"),
    "silent": ("bad", "!"),
    "failed": ("bad", "✕"),
    "bounced": ("bad", "↩"),
    "complained": ("bad", "!"),
    "FAILURE": ("bad", "✕"),
    "uncertain": ("warn", "?"),
}


def outcome_bar(shares: Iterable[Share]) -> SafeString:
    """A mailing's bar, which says the same to those who see none; lists have it in each row."""
    parts = list(shares)
    said = ", ".join(f"{part.state} {part.count}" for part in parts) or "nothing"
    widths = [(part.state, f"{part.percent:.2f}") for part in parts]
    inside = format_html_join("", '<i class="post-bar-{}" style="width:{}%"></i>', widths)
    return format_html('<div class="post-bar" role="img" aria-label="{}">{}</div>', said, inside)


def moment(field: str, title: str, *, sortable: bool = True) -> Column:
    """A column with a date and time."""

    def show(row: Any) -> str:
        value: datetime | None = getattr(row, field)
        return format_html('<span class="post-when">{}</span>', when(value))

    return _titled(show, title, field if sortable else None)


def state(field: str = "status", title: str = "State") -> Column:
    """A column with a state's label."""

    def show(row: Any) -> str:
        shown = getattr(row, f"get_{field}_display", None)
        return state_label(getattr(row, field), str(shown()) if shown else "")

    return _titled(show, title, None)


def related(field: str, title: str) -> Column:
    """A column that links to a related object, which the list's list_select_related must fetch."""

    def show(row: Any) -> str:
        return page_link(getattr(row, field))

    return _titled(show, title, None)


def masked(field: str, title: str) -> Column:
    """A column with a text in which addresses are shown as whoever looks may see them."""

    def show(row: Any) -> str:
        return shown_text(getattr(row, field)) or "–"

    return _titled(show, title, field)


def state_label(value: str, text: str = "") -> SafeString:
    """A state as a small label with its sign."""
    look, sign = LOOKS.get(value, ("calm", "·"))
    return format_html(
        '<span class="post-label post-{}"><span aria-hidden="true">{}</span> {}</span>', look, sign, text or value
    )


def page_link(target: Model | None, text: str = "") -> SafeString | str:
    """A link to an object's page; a dash for none."""
    if target is None:
        return "–"
    return format_html('<a class="post-link" href="{}">{}</a>', page_of(target), text or str(target))


def page_of(target: Model) -> str:
    """The address of an object's page."""
    return reverse(f"admin:{target._meta.app_label}_{target._meta.model_name}_change", args=[target.pk])


def list_of(model: type[Model], query: str = "") -> str:
    """The address of a model's list, filtered by the query."""
    address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    return f"{address}?{query}" if query else address


def _titled(show: Column, title: str, order: str | None) -> Column:
    return admin.display(description=title, ordering=order)(show)
