"""Addresses to which nothing goes."""

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q

from mailer.models.addresses import AddressField, shown_address


class SuppressionQuerySet(models.QuerySet["Suppression"]):
    """Suppressions by whether they hold."""

    def effective(self, now: datetime) -> "SuppressionQuerySet":
        """Those that have not expired at `now`."""
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=now))


class Suppression(models.Model):
    """A fact about an address, not a choice of its owner: mail to it bounces, or was complained of."""

    class Reason(models.TextChoices):
        """Why nothing goes there."""

        HARD_BOUNCE = "hard_bounce", "the address does not exist"
        SOFT_BOUNCES = "soft_bounces", "too many mails came back"
        COMPLAINT = "complaint", "the person reported a mail as spam"
        MANUAL = "manual", "suppressed by staff"
        ERASED = "erased", "the person was erased, and the address came back"

    #: Reasons that keep mails to lists away, and not what a person asks for, such as a new password: who complained of
    #: a list has an address that works, and a mailbox that was full may have room by now.
    FOR_LISTS = (Reason.COMPLAINT.value, Reason.SOFT_BOUNCES.value)

    email = AddressField("address", unique=True)
    reason = models.CharField(max_length=12, choices=Reason, default=Reason.MANUAL)
    note = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True, help_text="Empty: for good.")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, editable=False, on_delete=models.SET_NULL, related_name="+"
    )

    objects = SuppressionQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return shown_address(self.email)

    @property
    def is_for_lists(self) -> bool:
        """Whether single mails go there nevertheless."""
        return self.reason in self.FOR_LISTS


class LiftedSuppression(models.Model):
    """A suppression that holds no more, and by whom and why it was lifted: its history, out of the sender's way."""

    id = models.BigIntegerField(primary_key=True, help_text="That of the suppression.")
    email = AddressField("address", db_index=True)
    reason = models.CharField(max_length=12, choices=Suppression.Reason)
    note = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField("since")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    lifted_at = models.DateTimeField("until")
    lifted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    lift_note = models.CharField("why it was lifted", max_length=500, blank=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return shown_address(self.email)
