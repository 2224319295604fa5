"""Staff's pages: one module a subject; importing them registers them."""

from mailer.admin import (
    accounts,
    announcements,
    beat,
    deliveries,
    digests,
    filters,
    items,
    lists,
    mailings,
    recipients,
    results,
    segments,
    suppressions,
    templates,
)

__all__ = [
    "accounts",
    "announcements",
    "beat",
    "deliveries",
    "digests",
    "filters",
    "items",
    "lists",
    "mailings",
    "recipients",
    "results",
    "segments",
    "suppressions",
    "templates",
]
