"""How fast mails may leave, what of that is used up, and which mails wait for it."""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from mailer.models.addresses import normalise_address
from mailer.models.deliveries import Delivery
from mailer.models.mailings import Mailing


class SendingLimit(models.Model):
    """So many mails and no more in any second, minute, hour or day, from all workers on all hosts together."""

    class Scope(models.TextChoices):
        """Which mails it is about."""

        ALL = "all", "All mail"
        SENDER = "sender", "Mail from a sender"
        DOMAIN = "domain", "Mail to a domain"

    class Per(models.IntegerChoices):
        """The length of a window, in seconds."""

        SECOND = 1, "second"
        MINUTE = 60, "minute"
        HOUR = 3_600, "hour"
        DAY = 86_400, "day"

    scope = models.CharField("for", max_length=6, choices=Scope)
    name = models.CharField(
        "which",
        max_length=254,
        blank=True,
        help_text="A sender, news@example.org or example.org, or the domain of recipients, gmail.com. Empty: all mail.",
    )
    mails = models.PositiveIntegerField(validators=[MinValueValidator(1)])
    per = models.PositiveIntegerField(choices=Per)
    kept = models.PositiveSmallIntegerField(
        "kept for single mails (%)",
        default=10,
        db_default=10,
        validators=[MaxValueValidator(90)],
        help_text="Digests and announcements leave so much of it to passwords and confirmations.",
    )
    is_on = models.BooleanField("applies", default=True)

    class Meta:
        ordering = ["scope", "name", "per"]
        constraints = [
            models.UniqueConstraint(
                fields=["scope", "name", "per"],
                name="limit_once_a_window",
                violation_error_message="There is a limit for this already: change that one.",
            )
        ]

    def __str__(self) -> str:
        about = {self.Scope.SENDER: f"from {self.name}", self.Scope.DOMAIN: f"to {self.name}"}
        each = f"{'an' if self.per == self.Per.HOUR else 'a'} {self.get_per_display()}"
        return f"{self.mails:,} mails {each}, {about.get(self.Scope(self.scope), 'all mail')}"

    def clean(self) -> None:
        """Bring the name to its normal form. Raises ValidationError if it does not fit what the limit is for."""
        super().clean()
        if self.scope == self.Scope.ALL:
            self.name = ""
        elif not self.name:
            raise ValidationError({"name": "Say which: a limit for all mail has a line of its own."})
        else:
            self.name = self._normal_name()

    def _normal_name(self) -> str:
        local, _, domain = self.name.strip().rpartition("@")
        if local and self.scope == self.Scope.DOMAIN:
            raise ValidationError({"name": "A domain, such as gmail.com, and no address."})
        try:
            normal = normalise_address(f"{local or 'anybody'}@{domain}")
        except ValidationError as error:
            raise ValidationError({"name": f"{self.name[:100]} is neither an address nor a domain."}) from error
        return normal if local else normal.rpartition("@")[2]


class LimitUse(models.Model):
    """What of a limit was taken lately: its row is locked while somebody takes more.

    Beside the limit, not in it, so that saving the limit's form never writes back an old count.
    """

    limit = models.OneToOneField(
        SendingLimit,
        primary_key=True,
        on_delete=models.CASCADE,
        related_name="use",
        db_constraint=False,  # one that is deleted while somebody takes from it is no error
    )
    seconds = models.PositiveIntegerField(default=0, help_text="The window for which it was counted.")
    taken: "models.JSONField[Any, Any]" = models.JSONField(default=dict, help_text="Mails by part of the window.")

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"Use of {self.limit}"


class HeldGroup(models.Model):
    """Mails of one mailing that wait for the same limits: all of them, or those to one domain."""

    mailing = models.ForeignKey(Mailing, on_delete=models.CASCADE, related_name="held_groups", db_constraint=False)
    domain = models.CharField(max_length=254, blank=True, help_text="Empty: any for which there is no limit.")
    sender = models.CharField(max_length=254, blank=True, help_text="The address that the mails are from.")
    served_at = models.DateTimeField(null=True, help_text="So that mailings take turns.")

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["mailing", "domain"], name="held_once_a_domain")]

    def __str__(self) -> str:
        return f"Held mails of mailing {self.mailing_id} to {self.domain or 'anywhere'}"


class HeldMail(models.Model):
    """A delivery that waits for a limit; the group's lowest ids go first."""

    delivery = models.OneToOneField(
        Delivery, primary_key=True, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False
    )
    group = models.ForeignKey(
        HeldGroup, on_delete=models.CASCADE, related_name="mails", db_constraint=False, db_index=False
    )

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["group", "delivery"], name="held_in_order")]

    def __str__(self) -> str:
        return f"Held delivery {self.delivery_id}"


class ReleaseTurn(models.Model):
    """One row: whose turn it is to let held mails go, so that however many call for it, one chain of tasks does it."""

    number = models.PositiveBigIntegerField(default=0)
    until = models.DateTimeField(help_text="After this the chain is taken as broken, and whoever comes starts another.")

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"Turn {self.number}"
