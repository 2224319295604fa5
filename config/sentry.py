"""Tells Sentry of errors where SENTRY_DSN is set, without addresses, requests or arguments."""

import re
from importlib import import_module
from typing import Any

#: Where an event could name somebody: who asked for what (links hold tokens), what a task was called with.
_LEFT_OUT = ("request", "user", "extra", "breadcrumbs", "modules")
_DSN = re.compile(r"https?://[^\s/@]+@[^\s/@]+/(?:\S+/)?\d+")
_ADDRESS = re.compile(r"[^\s<>\"'(),;:=@]{1,320}@[^\s<>\"'(),;:=@]+")


def start_sentry(dsn: str) -> None:
    """Have errors of requests and tasks, and lines of level ERROR, told. Raises ValueError for what is no DSN."""
    # Imported only here, so that who does not use it loads none of it.
    if not dsn:
        return
    if not _DSN.fullmatch(dsn):
        raise ValueError("SENTRY_DSN is not of the form https://key@host/number")
    sentry: Any = import_module("sentry_sdk")
    django: Any = import_module("sentry_sdk.integrations.django")
    celery: Any = import_module("sentry_sdk.integrations.celery")
    sentry.init(
        dsn=dsn,
        integrations=[django.DjangoIntegration(), celery.CeleryIntegration()],
        send_default_pii=False,
        include_local_variables=False,
        max_request_body_size="never",
        max_breadcrumbs=0,
        before_send=without_people,
    )


def without_people(event: dict[str, Any], hint: dict[str, Any]) -> dict[str, Any]:
    """The event without what could name somebody, and with "[address]" for each address in its texts."""
    kept: dict[str, Any] = _scrubbed({name: value for name, value in event.items() if name not in _LEFT_OUT})
    return kept


def _scrubbed(value: Any) -> Any:
    if isinstance(value, str):
        return _ADDRESS.sub("[address]", value)
    if isinstance(value, dict):
        return {name: _scrubbed(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_scrubbed(inner) for inner in value]
    return value
