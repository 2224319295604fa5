"""Staff's pages: one module a subject; importing them registers them."""

from mailer.admin import (
    accounts,
    beat,
    deliveries,
    digests,
    filters,
    items,
    lists,
    mailings,
    recipients,
    results,
    suppressions,
    templates,
)

__all__ = [
    "accounts",
    "beat",
    "deliveries",
    "digests",
    "filters",
    "items",
    "lists",
    "mailings",
    "recipients",
    "results",
    "suppressions",
    "templates",
]
