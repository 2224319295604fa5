"""Webhooks: endpoints of other programs, and the events for them, each with what became of it."""

import secrets
from base64 import b64encode
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import uuid4

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Exists, OuterRef, Q

from mailer.models.literals import Literal
from mailer.models.recipients import Recipient, RecipientList

#: For so long one worker has an endpoint to itself: longer than its turn, with the last request in it, may take.
LEASE = timedelta(minutes=2)
#: How long the earlier secret signs too, after a new one was made.
OVERLAP = timedelta(hours=24)
#: So long nothing may arrive before people are told.
WORRYING = timedelta(hours=1)
#: What every secret begins with, as the Standard Webhooks specification has it.
MARK = "whsec_"


class EventType(models.TextChoices):
    """What can happen, by the name that other programs know."""

    MAILING_FINISHED = "mailing.finished", "A mailing to a list ended"
    DELIVERY_FAILED = "delivery.failed", "A mail failed for good"
    DELIVERY_BOUNCED = "delivery.bounced", "A mail came back"
    RECIPIENT_UNSUBSCRIBED = "recipient.unsubscribed", "Somebody left a list, or complained"
    TEST = "webhook.test", "A test"


#: Those that an endpoint can ask for.
OFFERED = [choice for choice in EventType.choices if choice[0] != EventType.TEST]


def validate_events(value: object) -> None:
    """A list of at least one event that can be asked for. Raises ValidationError."""
    names = [name for name, _ in OFFERED]
    if not isinstance(value, list) or not value or not set(value) <= set(names):
        raise ValidationError(f"Choose at least one of {', '.join(names)}.")


def new_secret() -> str:
    """A secret of 32 random bytes, in Base64 after `whsec_`."""
    return MARK + b64encode(secrets.token_bytes(32)).decode()


class WebhookEndpointQuerySet(models.QuerySet["WebhookEndpoint"]):
    """Endpoints by whether somebody has to do something."""

    def wanting(self, kind: EventType) -> "list[WebhookEndpoint]":
        """Those that are to be told of such events; there are only a few endpoints."""
        enabled = self.filter(is_enabled=True).prefetch_related("lists")
        return [endpoint for endpoint in enabled if kind in endpoint.events]

    def free(self, now: datetime) -> "WebhookEndpointQuerySet":
        """Those that nobody sends to just now, and that do not rest after failures."""
        unheld = Q(leased_until=None) | Q(leased_until__lt=now)
        return self.filter(unheld, Q(next_at=None) | Q(next_at__lte=now), is_enabled=True)

    def due(self, now: datetime) -> "WebhookEndpointQuerySet":
        """Those for which a worker is to be called."""
        return self.free(now).filter(Exists(WebhookDelivery.objects.due(now).filter(endpoint=OuterRef("pk"))))

    def troubled(self, now: datetime) -> "WebhookEndpointQuerySet":
        """Those that nothing has reached for a while, or that were switched off for it."""
        failing = Q(is_enabled=True, failing_since__lte=now - WORRYING)
        return self.filter(failing | Q(is_enabled=False, switched_off_at__isnull=False))


class WebhookEndpoint(models.Model):
    """Where another program wants to be told of events, and how it is."""

    name = models.CharField(max_length=100, help_text="Which program listens there.")
    url = models.URLField("address", max_length=800, help_text="Events are sent here by POST.")
    events = models.JSONField(default=list, validators=[validate_events])
    of_all_lists = models.BooleanField("of all lists", default=True, help_text="And of single mails.")
    lists = models.ManyToManyField(
        RecipientList, blank=True, related_name="+", help_text="Where not of all: of these, and not of single mails."
    )
    is_enabled = models.BooleanField("enabled", default=True, help_text="Nothing is kept for it while it is off.")
    secret = models.CharField(max_length=100, editable=False)
    earlier_secret = models.CharField(max_length=100, blank=True, editable=False)
    earlier_until = models.DateTimeField(null=True, editable=False, help_text="Until then the earlier one signs too.")
    leased_until = models.DateTimeField(null=True, editable=False, help_text="While a worker sends to it.")
    next_at = models.DateTimeField(null=True, editable=False, help_text="Until then it rests after failures.")
    failures = models.PositiveIntegerField(default=0, editable=False, help_text="In a row.")
    failing_since = models.DateTimeField(null=True, editable=False)
    problem = models.CharField(max_length=300, blank=True, editable=False)
    reached_at = models.DateTimeField(null=True, editable=False, help_text="When it last took an event.")
    switched_off_at = models.DateTimeField(null=True, editable=False, help_text="By the service itself.")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = WebhookEndpointQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def takes(self, list_id: int | None) -> bool:
        """Whether it is told of this list; None: of what is to no list."""
        return self.of_all_lists or any(chosen.pk == list_id for chosen in self.lists.all())

    def secrets_at(self, now: datetime) -> Sequence[str]:
        """The secrets with which events are signed, the newest first."""
        overlaps = self.earlier_until is not None and self.earlier_until > now
        return [self.secret, self.earlier_secret] if overlaps else [self.secret]

    def rotate_secret(self, now: datetime) -> str:
        """Give it a new secret, beside which the one until now signs for OVERLAP. Returns the new one; saves both."""
        self.earlier_secret, self.earlier_until, self.secret = self.secret, now + OVERLAP, new_secret()
        self.save(update_fields=["earlier_secret", "earlier_until", "secret"])
        return self.secret

    def lease(self, now: datetime) -> bool:
        """Take the endpoint for this worker. Returns whether it is free."""
        taken = WebhookEndpoint.objects.free(now).filter(pk=self.pk).update(leased_until=now + LEASE)
        if taken:
            self.leased_until = now + LEASE
        return bool(taken)

    def release(self) -> None:
        """Give it back, unless the lease ran out and another worker has it."""
        WebhookEndpoint.objects.filter(pk=self.pk, leased_until=self.leased_until).update(leased_until=None)


class WebhookDeliveryQuerySet(models.QuerySet["WebhookDelivery"]):
    """Events for endpoints, by state."""

    def pending(self) -> "WebhookDeliveryQuerySet":
        """Those that are not over, by the index of just these."""
        return self.filter(state=Literal("pending"))

    def due(self, now: datetime) -> "WebhookDeliveryQuerySet":
        """Those that are to be sent, oldest first."""
        return self.pending().filter(next_attempt_at__lte=now).order_by("next_attempt_at", "id")


class WebhookDelivery(models.Model):
    """One event for one endpoint: written with what happened, in its transaction; its work item and its log."""

    class State(models.TextChoices):
        """pending → delivered, or failed when the tries are used up."""

        PENDING = "pending", "Waits"
        DELIVERED = "delivered", "Delivered"
        FAILED = "failed", "Failed"

    id = models.BigAutoField(primary_key=True)
    event_id = models.UUIDField("id", default=uuid4, help_text="The same at each try, and for each endpoint.")
    # Without a constraint: an endpoint that is deleted just now must not keep mails' outcomes from being written.
    endpoint = models.ForeignKey(
        WebhookEndpoint, on_delete=models.CASCADE, db_constraint=False, db_index=False, related_name="deliveries"
    )
    type = models.CharField("event", max_length=30, choices=EventType)
    at = models.DateTimeField("happened", db_index=True)
    recipient = models.ForeignKey(
        Recipient,
        null=True,
        on_delete=models.DO_NOTHING,  # whoever erases a person empties the body too
        db_constraint=False,
        db_index=False,
        related_name="+",
        help_text="Whom it is about.",
    )
    body = models.TextField(help_text="As it is sent, and signed.")
    state = models.CharField(max_length=9, choices=State, default=State.PENDING)
    attempts = models.PositiveSmallIntegerField("tries", default=0)
    next_attempt_at = models.DateTimeField("next try", null=True)
    last_attempt_at = models.DateTimeField("last try", null=True)
    status_code = models.PositiveSmallIntegerField(null=True)
    duration_ms = models.PositiveIntegerField("took, in ms", null=True)
    response = models.TextField("answer", blank=True, help_text="Its beginning.")
    problem = models.CharField(max_length=300, blank=True)

    objects = WebhookDeliveryQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "webhook deliveries"
        constraints = [models.UniqueConstraint(fields=["endpoint", "event_id"], name="webhook_once_an_endpoint")]
        indexes = [
            models.Index(
                fields=["endpoint", "next_attempt_at", "id"], condition=Q(state="pending"), name="webhook_pending"
            ),
            models.Index(fields=["recipient"], condition=Q(recipient__isnull=False), name="webhook_by_recipient"),
        ]

    def __str__(self) -> str:
        return f"{self.endpoint}: {self.type}"
