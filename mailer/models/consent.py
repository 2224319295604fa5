"""How people's word on a list changed: kept to show, for each mail, by whose word it was sent or was not."""

from django.conf import settings
from django.db import models

from mailer.models.recipients import Recipient, RecipientList


class ConsentEvent(models.Model):
    """A change of one person's standing with one list, for good.

    How somebody came onto a list is on the Subscription itself, so an import of a million people writes no events: each
    Subscription is the first line of its own history. An event names person and list, not the Subscription, and so
    outlives one that staff removed.
    """

    class What(models.TextChoices):
        """What changed."""

        ASKED = "asked", "Asked to subscribe"
        SUBSCRIBED = "subscribed", "Subscribed"
        CONFIRMED = "confirmed", "Confirmed"
        UNSUBSCRIBED = "unsubscribed", "Unsubscribed"
        RESUBSCRIBED = "resubscribed", "Subscribed again"
        UNCONFIRMED = "unconfirmed", "Set back to waiting for confirmation"
        REMOVED = "removed", "Taken off the list"
        CADENCE = "cadence", "Changed how often"
        PAUSED = "paused", "Paused"
        RESUMED = "resumed", "Ended the pause"

    recipient = models.ForeignKey(Recipient, on_delete=models.CASCADE, related_name="consent_events")
    list = models.ForeignKey(RecipientList, on_delete=models.CASCADE, db_index=False, related_name="+")
    what = models.CharField(max_length=12, choices=What)
    detail = models.CharField(max_length=100, blank=True, help_text="To what it was changed, until when.")
    at = models.DateTimeField()
    source = models.CharField(max_length=200, blank=True, help_text="How it was said: the link in a mail, by phone.")
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, db_index=False, related_name="+"
    )

    class Meta:
        ordering = ["at", "id"]
        indexes = [
            models.Index(fields=["list", "at"], condition=models.Q(what="cadence"), name="consent_of_cadence"),
        ]

    def __str__(self) -> str:
        return f"{self.recipient}: {self.get_what_display()}"
