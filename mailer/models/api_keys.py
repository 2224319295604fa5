"""Keys by which other programs come in: what each may do, until when, and how often it is used."""

import secrets
from datetime import datetime
from hashlib import sha256
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q

from mailer.models.counters import add_one

#: What every key begins with, so that people and programs that look for lost secrets know one.
MARK = "ap_"
_PREFIX_LENGTH = 8


class Scope(models.TextChoices):
    """What a key may do; each is asked for by name at its addresses."""

    ITEMS = "items", "Items"
    PEOPLE = "people", "People, subscriptions"
    NOTIFICATIONS = "notifications", "Single mails"
    LOG = "log", "Delivery log"
    SUPPRESSIONS = "suppressions", "Suppressions"


def validate_scopes(value: object) -> None:
    """A list of at least one scope. Raises ValidationError."""
    if not isinstance(value, list) or not value or not set(value) <= set(Scope.values):
        raise ValidationError(f"Choose at least one of {', '.join(Scope.values)}.")


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    """Keys by whether they open anything."""

    def valid(self, now: datetime) -> "ApiKeyQuerySet":
        """Those that are neither revoked nor expired."""
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=now), revoked_at=None)

    def of_token(self, token: str) -> "ApiKeyQuerySet":
        """The one whose token this is; looked up by its hash, so that how long it takes says nothing of the token."""
        return self.filter(digest=_digest(token))


class ApiKey(models.Model):
    """A key: its token was shown once, and only its hash is here."""

    name = models.CharField(max_length=100, help_text="Which program has it.")
    prefix = models.CharField(max_length=20, editable=False, help_text="How its token begins.")
    digest = models.CharField(max_length=64, unique=True, editable=False)
    scopes = models.JSONField(default=list, validators=[validate_scopes])
    per_minute = models.PositiveIntegerField(
        "requests a minute", default=600, validators=[MinValueValidator(1)], help_text="More are refused for a while."
    )
    expires_at = models.DateTimeField("expires", null=True, blank=True, help_text="Empty: never.")
    revoked_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, editable=False, on_delete=models.SET_NULL, related_name="+"
    )

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name = "API key"

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    def set_token(self) -> str:
        """Give the key, which is not saved yet, a new token. Returns it; nobody can read it again."""
        start = MARK + secrets.token_hex(_PREFIX_LENGTH // 2)
        token = f"{start}_{secrets.token_urlsafe(32)}"
        self.prefix, self.digest = start, _digest(token)
        return token

    def count_request(self, now: datetime) -> int:
        """Note a request. Returns how many this minute has had, with it."""
        minute = now.replace(second=0, microsecond=0)
        return add_one(ApiUse, "requests", key=self, minute=minute).values_list("requests", flat=True).get()


class ApiUse(models.Model):
    """How many requests a key made in one minute."""

    key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, db_index=False, related_name="uses")
    minute = models.DateTimeField()
    requests = models.PositiveIntegerField(default=0)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["key", "minute"], name="api_use_once_a_minute")]

    def __str__(self) -> str:
        return f"{self.requests} at {self.minute}"


def forget_uses(before: datetime) -> int:
    """Delete what was counted before then, but each key's last minute, which says when it was last used."""
    latest: dict[str, Any] = {"key": models.OuterRef("key"), "minute__gt": models.OuterRef("minute")}
    old = ApiUse.objects.filter(minute__lt=before)
    return old.filter(models.Exists(ApiUse.objects.filter(**latest))).delete()[0]


def _digest(token: str) -> str:
    return sha256(token.encode()).hexdigest()
