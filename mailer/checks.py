"""Settings that are wrong stop the start: `manage.py` by Django's system checks, and workers by the same ones."""

from collections.abc import Sequence
from typing import Any

from celery.signals import worker_init
from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, register, run_checks
from django.db import connection

from mailer.audience.staging_guard import normal_entry
from mailer.feedback.providers import provider_fault
from mailer.models import InvalidAddress
from mailer.sending.signatures import KeyUnusable, load_keys

_TAG = "mailer"


@register(_TAG)
def check_staging_guard(app_configs: Sequence[AppConfig] | None, **details: Any) -> list[CheckMessage]:
    """Each entry of MAILER_ONLY_TO is a mail address or a domain."""
    return [error for text in settings.MAILER_ONLY_TO or () if (error := _wrong_entry(text))]


@register(_TAG)
def check_dkim_keys(app_configs: Sequence[AppConfig] | None, **details: Any) -> list[CheckMessage]:
    """Each file in DKIM_KEYS holds a key that can sign."""
    try:
        load_keys(tuple(settings.DKIM_KEYS.items()))
    except KeyUnusable as error:
        hint = "docs/domain.md says how to make one. Without it nothing is sent."
        return [Error(f"{str(error)[:1].upper()}{str(error)[1:]}.", hint, id="mailer.E002")]
    return []


@register(_TAG)
def check_provider(app_configs: Sequence[AppConfig] | None, **details: Any) -> list[CheckMessage]:
    """The provider's events can be told from forged ones."""
    fault = provider_fault()
    return [Error(f"{fault}.", "docs/domain.md says what each needs.", id="mailer.E003")] if fault else []


@worker_init.connect
def stop_at_errors(sender: Any = None, **details: Any) -> None:
    """Celery runs the checks too, and goes on whatever they say. Raises SystemExit."""
    pool = str(getattr(getattr(sender, "pool_cls", ""), "__module__", "")).rpartition(".")[2]
    if pool in ("gevent", "eventlet") and connection.vendor == "sqlite":
        # The green thread that holds SQLite's write lock waits for one that waits for the lock: nothing goes out.
        raise SystemExit(f"The worker cannot start: the pool {pool} needs PostgreSQL; on SQLite use prefork.")
    errors = [message for message in run_checks(tags=[_TAG]) if message.is_serious()]
    if errors:
        raise SystemExit("The worker cannot start: " + " ".join(message.msg for message in errors))


def _wrong_entry(text: str) -> Error | None:
    try:
        normal_entry(text)
    except InvalidAddress:
        hint = "Name domains such as example.com (those below it are not meant) and addresses such as me@example.org."
        return Error(f"MAILER_ONLY_TO names {text!r}, which is no domain and no address.", hint, id="mailer.E001")
    return None
