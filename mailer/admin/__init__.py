"""Staff's pages: one module a subject; importing them registers them."""

from mailer.admin import (
    accounts,
    alerts,
    beat,
    deliveries,
    digests,
    filters,
    items,
    lists,
    log_entries,
    logins,
    mailings,
    recipients,
    results,
    suppressions,
    templates,
)

__all__ = [
    "accounts",
    "alerts",
    "beat",
    "deliveries",
    "digests",
    "filters",
    "items",
    "lists",
    "log_entries",
    "logins",
    "mailings",
    "recipients",
    "results",
    "suppressions",
    "templates",
]
