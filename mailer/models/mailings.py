"""One sending: a digest at one occurrence, an announcement, or a single notification."""

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.functional import cached_property

from mailer.models.announcements import Announcement
from mailer.models.digests import Digest, DigestItem
from mailer.models.literals import Literal
from mailer.models.recipients import Recipient, RecipientList
from mailer.models.sums import Sums
from mailer.models.templates import EmailTemplate, TemplateVersion
from mailer.models.zones import TimeZoneField

if TYPE_CHECKING:
    from mailer.models.deliveries import Delivery

#: What a mailing is called that sends a program's own message.
MESSAGE = "Message"
#: What a mailing's name needs, for `select_related`.
NAMED = ("digest", "announcement", "list", "version__template")


class MailingQuerySet(models.QuerySet["Mailing"]):
    """Mailings by state."""

    def open(self) -> "MailingQuerySet":
        """Those that still have, or will have, mails to send, by the index of just these."""
        return self.filter(status__in=[Literal("planned"), Literal("sending"), Literal("paused")])


class Mailing(Sums):
    """What was to be sent, to whom, and what became of it in numbers; one Delivery a recipient holds the rest."""

    class Kind(models.TextChoices):
        """What made it."""

        DIGEST = "digest", "Digest"
        ANNOUNCEMENT = "announcement", "Announcement"
        NOTIFICATION = "notification", "Notification"
        TEST = "test", "Test"

    class Status(models.TextChoices):
        """planned → sending ⇄ paused → done; or cancelled, skipped (nothing to send), missed (too late)."""

        PLANNED = "planned", "Planned"
        SENDING = "sending", "Sending"
        PAUSED = "paused", "Paused"
        DONE = "done", "Done"
        CANCELLED = "cancelled", "Cancelled"
        SKIPPED = "skipped", "Skipped"
        MISSED = "missed", "Missed"

    kind = models.CharField(max_length=12, choices=Kind)
    digest = models.ForeignKey(Digest, null=True, blank=True, on_delete=models.PROTECT, related_name="mailings")
    announcement = models.ForeignKey(
        Announcement, null=True, blank=True, on_delete=models.PROTECT, related_name="mailings"
    )
    list = models.ForeignKey(RecipientList, null=True, blank=True, on_delete=models.PROTECT, related_name="mailings")
    version = models.ForeignKey(
        TemplateVersion,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="mailings",
        verbose_name="template version",
        help_text="None: a program wrote the whole message.",
    )
    message = models.ForeignKey(
        "mailer.Message",
        null=True,
        editable=False,
        on_delete=models.DO_NOTHING,  # its source is deleted after some days
        related_name="mailings",
        db_constraint=False,
        db_index=False,
        help_text="The message that a program wrote.",
    )
    has_attachments = models.BooleanField(default=False, db_default=False, editable=False)
    scheduled_for = models.DateTimeField(db_index=True)
    time_zone = TimeZoneField(default="UTC")
    spread_until = models.DateTimeField(
        null=True, editable=False, help_text="Its mails are spread evenly from its time up to this one."
    )
    status = models.CharField(max_length=9, choices=Status, default=Status.PLANNED)
    reason = models.CharField(max_length=300, blank=True)
    is_weekly = models.BooleanField(
        default=False,
        db_default=False,
        editable=False,
        help_text="For those who want one mail a week: all since their last.",
    )
    is_local = models.BooleanField(default=False, editable=False, help_text="For those in its time zone only.")
    recipient = models.ForeignKey(
        Recipient, null=True, blank=True, on_delete=models.SET_NULL, db_index=False, help_text="Of a single mail."
    )
    has_more = models.BooleanField(default=False, editable=False, help_text="Not all its deliveries are made yet.")
    context = models.JSONField(default=dict, blank=True)
    key = models.CharField(max_length=200, null=True, blank=True, unique=True, help_text="The same key is sent once.")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    alarmed_at = models.DateTimeField(
        null=True, editable=False, help_text="When so many of its mails had come back that it was stopped; once."
    )
    woken_at = models.DateTimeField(null=True, editable=False, help_text="When workers were last told of it.")
    finished_at = models.DateTimeField(null=True, blank=True)
    first_finished_at = models.DateTimeField(
        null=True, editable=False, help_text="Before staff put any mail of it back into the queue."
    )

    objects = MailingQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["digest", "scheduled_for", "time_zone", "is_weekly"],
                condition=Q(digest__isnull=False),
                name="digest_once_a_moment",
            ),
            models.UniqueConstraint(
                fields=["announcement", "list"],
                condition=Q(announcement__isnull=False),
                name="announcement_once_a_list",
            ),
        ]
        indexes = [
            models.Index(fields=["recipient"], condition=Q(recipient__isnull=False), name="mailing_by_recipient"),
            models.Index(
                fields=["scheduled_for"],
                condition=Q(status__in=["planned", "sending", "paused"]),
                name="mailing_open",
            ),
            # Single mails may be millions; those to lists are a few a day.
            models.Index(fields=["scheduled_for"], condition=Q(list__isnull=False), name="mailing_to_list"),
            models.Index(
                fields=["id"],
                condition=Q(status="cancelled", finished_at__isnull=True),
                name="mailing_being_cancelled",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name}, {self.scheduled_for:%-d %b %Y %H:%M} UTC"

    @property
    def name(self) -> str:
        """What was sent, without its time."""
        return (
            f"{self.digest}, weekly"
            if self.is_weekly
            else str(self.digest or self.announcement or self.list or self.template or MESSAGE)
        )

    @property
    def template(self) -> EmailTemplate | None:
        """Of its mails; None if a program wrote the whole message."""
        return self.version.template if self.version else None

    @property
    def pinned(self) -> TemplateVersion:
        """Its template's version. Raises LookupError for a mailing that sends a program's own message."""
        if self.version is None:
            raise LookupError("A program wrote this mail; it has no template.")
        return self.version

    @property
    def language(self) -> str:
        """Of its mails. It is the list's, which is the template's: German dates in an English mail help nobody."""
        return (self.list.language if self.list else "") or settings.LANGUAGE_CODE

    @cached_property
    def only_delivery(self) -> "Delivery":
        """Of a mailing to one person; who has just made it sets it. Raises Delivery.DoesNotExist."""
        return self.deliveries.get()

    @property
    def final(self) -> bool:
        """Whether nothing more will be sent."""
        return self.status in {self.Status.DONE, self.Status.CANCELLED, self.Status.SKIPPED, self.Status.MISSED}

    @property
    def settled(self) -> bool:
        """Whether its numbers stay as they are: it is final, and no worker has a mail of it in hand any more."""
        return self.final and (self.status != self.Status.CANCELLED or self.finished_at is not None)


class MailingItem(models.Model):
    """An item of a digest's mailing: what was new then, in the order in which it is shown.

    There can be several for each delivery, so its keys are not checked row by row, as those of deliveries are not.
    """

    mailing = models.ForeignKey(
        Mailing, on_delete=models.CASCADE, related_name="mailing_items", db_constraint=False, db_index=False
    )
    item = models.ForeignKey(
        DigestItem, on_delete=models.CASCADE, related_name="mailing_items", db_constraint=False, db_index=False
    )
    recipient = models.ForeignKey(
        Recipient,
        null=True,
        editable=False,
        on_delete=models.DO_NOTHING,
        related_name="+",
        db_constraint=False,
        db_index=False,
        help_text="The item's, so that one person's items are found without all others'.",
    )
    position = models.PositiveIntegerField()

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["item", "mailing"], name="item_once_a_mailing")]
        indexes = [models.Index(fields=["mailing", "recipient", "position"], name="mailing_item_by_recipient")]

    def __str__(self) -> str:
        return f"{self.item} in {self.mailing}"
