"""People and the lists they are on."""

from typing import Any

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator, URLValidator
from django.db import models, transaction

from mailer.models.addresses import AddressField, shown_address
from mailer.models.colours import ACCENT, validate_accent
from mailer.models.erasures import Erasure
from mailer.models.literals import Literal
from mailer.models.suppressions import Suppression
from mailer.models.zones import TimeZoneField


class Domain(models.Func):
    """What is behind the @ of an address, as the index of recipients by domain has it."""

    output_field = models.CharField()
    template = "SUBSTR(%(expressions)s, INSTR(%(expressions)s, '@') + 1)"

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        """Under PostgreSQL's name."""
        return self.as_sql(compiler, connection, template="SPLIT_PART(%(expressions)s, '@', 2)")


class RecipientQuerySet(models.QuerySet["Recipient"]):
    """Recipients by where their mail goes."""

    def at_domain(self, domain: str) -> "RecipientQuerySet":
        """Those with an address at the domain, which is in its normal form; by their index."""
        return self.alias(domain=Domain("email")).filter(domain=domain)


class Recipient(models.Model):
    """One mail address and what we know of the person behind it."""

    email = AddressField("address", unique=True)
    name = models.CharField(max_length=200, blank=True)
    time_zone = TimeZoneField(blank=True, help_text="Empty: the list's.")
    language = models.CharField(max_length=20, blank=True, help_text="Such as 'de' or 'pt-br'. Empty: the list's.")
    attributes = models.JSONField(default=dict, blank=True, help_text="Anything else that a template may name.")
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True, null=True, editable=False)

    objects = RecipientQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(Domain("email"), "id", name="recipient_by_domain")]
        permissions = [("see_address", "Can see people's addresses in full")]

    def __str__(self) -> str:
        return shown_address(self.email)

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save the recipient; the address of somebody who was erased comes back suppressed, whoever brings it."""
        with transaction.atomic(savepoint=False):
            super().save(*args, **kwargs)
            erasure = Erasure.objects.effective().of(self.email).first()
            if erasure is not None:
                Suppression.objects.get_or_create(email=self.email, defaults=erasure.as_suppression())


class RecipientList(models.Model):
    """A mailing list: who sends to it and how people come onto it."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=200)
    description = models.CharField(max_length=500, blank=True)
    from_name = models.CharField("sender's name", max_length=200, blank=True, help_text="Empty: the list's name.")
    from_email = AddressField("sender's address", blank=True, help_text="Empty: the service's own address.")
    reply_to = AddressField("replies go to", blank=True)
    time_zone = TimeZoneField(default="UTC", help_text="For recipients whose own zone is not known.")
    language = models.CharField(max_length=20, default="en")
    double_opt_in = models.BooleanField(default=True, help_text="New subscribers confirm by mail first.")
    is_public = models.BooleanField("public", default=False, help_text="Anybody may subscribe.")
    logo_url = models.URLField(
        "logo",
        max_length=800,
        blank=True,
        validators=[URLValidator(["https"], message="Mails load pictures over https only.")],
        help_text="A picture's address, https: a PNG with a transparent ground, twice as wide as shown. Empty: none.",
    )
    logo_alt = models.CharField(
        "what the logo says", max_length=200, blank=True, help_text="Where it is not shown. Empty: the list's name."
    )
    logo_link = models.URLField("where the logo leads", max_length=800, blank=True)
    logo_width = models.PositiveSmallIntegerField(
        "logo's width",
        default=160,
        validators=[MinValueValidator(24), MaxValueValidator(327)],
        help_text="In pixels, as it is shown; its height follows. A phone has room for 327.",
    )
    accent = models.CharField(
        "accent colour",
        max_length=7,
        default=ACCENT,
        validators=[validate_accent],
        help_text="Of links, buttons and headings of sections. For the dark a lighter shade is made of it.",
    )
    archive_is_public = models.BooleanField(
        "public archive",
        default=False,
        help_text="Anybody may read, on a page and in a feed, what goes and went to this list: without names and "
        "without what was for one person, and no announcements to segments.",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True, null=True, editable=False)

    class Meta:
        ordering = ["name"]
        verbose_name = "list"

    def __str__(self) -> str:
        return self.name


class SubscriptionQuerySet(models.QuerySet["Subscription"]):
    """Subscriptions by state."""

    def active(self) -> "SubscriptionQuerySet":
        """Those who get mail."""
        return self.filter(status=Subscription.Status.ACTIVE)

    def weekly(self) -> "SubscriptionQuerySet":
        """Those who want one mail a week, by the index of just these."""
        return self.filter(cadence=Literal("weekly"))


class Subscription(models.Model):
    """One recipient on one list, and by whose word.

    The foreign keys to both have no constraint in the database: checking them is a third of what importing a million
    people costs PostgreSQL. Django deletes the subscriptions of what it deletes, and an import locks what it names.
    """

    class Status(models.TextChoices):
        """Where the person stands with the list."""

        PENDING = "pending", "Waits for confirmation"
        ACTIVE = "active", "Active"
        UNSUBSCRIBED = "unsubscribed", "Unsubscribed"

    class Cadence(models.TextChoices):
        """How often the person wants the digest."""

        DAILY = "daily", "Every digest"
        WEEKLY = "weekly", "Once a week"

    list = models.ForeignKey(
        RecipientList, on_delete=models.CASCADE, db_constraint=False, db_index=False, related_name="subscriptions"
    )
    recipient = models.ForeignKey(
        Recipient, on_delete=models.CASCADE, db_constraint=False, related_name="subscriptions"
    )
    status = models.CharField(max_length=12, choices=Status, default=Status.ACTIVE)
    cadence = models.CharField(max_length=6, choices=Cadence, default=Cadence.DAILY)
    paused_until = models.DateTimeField(null=True, blank=True)
    source = models.CharField(max_length=100, blank=True, help_text="How they came: import, sign-up, API, by whom.")
    subscribed_at = models.DateTimeField(auto_now_add=True)
    confirmed_at = models.DateTimeField(null=True, blank=True)
    unsubscribed_at = models.DateTimeField(null=True, blank=True)
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        editable=False,
        on_delete=models.SET_NULL,
        db_index=False,
        related_name="+",
    )

    objects = SubscriptionQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["list", "recipient"], name="subscription_once_a_list")]
        indexes = [
            models.Index(fields=["list", "status"], name="subscription_by_status"),
            models.Index(
                fields=["changed_by"], condition=models.Q(changed_by__isnull=False), name="subscription_by_changer"
            ),
            models.Index(fields=["list"], condition=models.Q(cadence="weekly"), name="subscription_weekly"),
            models.Index(fields=["list", "subscribed_at"], name="subscription_joined"),
            models.Index(
                fields=["list", "unsubscribed_at"],
                condition=models.Q(unsubscribed_at__isnull=False),
                name="subscription_left",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.recipient} on {self.list}"
