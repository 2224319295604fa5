"""What comes back of mails that had left: reports of mail servers and of people, and what they say of an address."""

from datetime import datetime, timedelta

from django.db import models
from django.db.models import Q

from mailer.models.addresses import AddressField, shown_address
from mailer.models.deliveries import Delivery


class Return(models.Model):
    """One thing that a report said of one delivery, once: the same report by another door changes nothing."""

    class Outcome(models.TextChoices):
        """What it said, as it follows on "the report says that"."""

        GONE = "gone", "there is no such address"
        TEMPORARY = "temporary", "the mailbox could not take it"
        BLOCKED = "blocked", "the mail server refused it as unwanted"
        UNKNOWN = "unknown", "it could not be delivered, without a reason that is understood"
        DELAYED = "delayed", "it waits at a mail server on its way"
        COMPLAINT = "complaint", "the person marked it as spam"
        DELIVERED = "delivered", "it arrived"
        AUTO_REPLY = "auto_reply", "somebody is away, or a program answers"

    class Source(models.TextChoices):
        """By which door it came."""

        PIPE = "pipe", "a mail server's pipe"
        LISTENER = "listener", "the LMTP listener"
        MAILBOX = "mailbox", "the mailbox"
        WEBHOOK = "webhook", "the provider's webhook"

    #: The reason that a delivery has then; an outcome that is not named here is only told.
    REASONS = {
        "gone": Delivery.Reason.GONE,
        "temporary": Delivery.Reason.MAILBOX,
        "blocked": Delivery.Reason.BLOCKED,
        "unknown": Delivery.Reason.UNEXPLAINED,
        "complaint": Delivery.Reason.COMPLAINT,
    }

    delivery = models.ForeignKey(
        Delivery, on_delete=models.CASCADE, db_constraint=False, db_index=False, related_name="returns"
    )
    outcome = models.CharField(max_length=10, choices=Outcome)
    at = models.DateTimeField()
    source = models.CharField("door", max_length=8, choices=Source)
    status = models.CharField(max_length=12, blank=True, help_text="RFC 3463, such as 5.1.1.")
    diagnostic = models.CharField("mail server's answer", max_length=500, blank=True)
    names_other = models.BooleanField(
        "names another address", default=False, help_text="To which the mail was forwarded: that one counts nothing."
    )

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["delivery", "outcome"], name="return_once_a_delivery")]
        indexes = [models.Index(fields=["at"], condition=Q(outcome="blocked"), name="return_blocked")]

    def __str__(self) -> str:
        return f"{self.get_outcome_display()}, {self.at:%-d %b %Y %H:%M} UTC"

    @property
    def answer(self) -> str:
        """The status and the mail server's words: `5.1.1 550 No such user`."""
        return self.diagnostic if self.status in self.diagnostic else f"{self.status} {self.diagnostic}".strip()


class BounceScore(models.Model):
    """How often mails to an address came back lately for reasons that may pass; see `mailer.feedback.scores`."""

    HALF_LIFE = timedelta(days=14)

    email = AddressField("address", unique=True)
    score = models.FloatField()
    at = models.DateTimeField(help_text="As of when.")
    sent_at = models.DateTimeField(help_text="When the last of those mails had left.")

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.score:.1f} for {shown_address(self.email)}"

    def at_time(self, now: datetime, arrived: int = 0) -> float:
        """The score as of then, after so many mails that arrived: it halves in HALF_LIFE and with each of them."""
        halvings = max((now - self.at) / self.HALF_LIFE, 0.0) + arrived
        return float(self.score * 0.5 ** min(halvings, 1_000.0))


class ReturnCount(models.Model):
    """How many mails came in by a door on a day (UTC), and what they were: also those with which nothing was done."""

    class What(models.TextChoices):
        """What was done with those that have no outcome, or none that counts."""

        REPEATED = "repeated", "said again what was known"
        TOO_LATE = "too_late", "came too long after the mail"
        NEVER_SENT = "never_sent", "was about a mail that had not left"
        FORGOTTEN = "forgotten", "was about a mail that is not in the log any more"
        UNSIGNED = "unsigned", "had no address that was signed here"
        NO_REPORT = "no_report", "was no report but an ordinary mail"

    day = models.DateField()
    source = models.CharField("door", max_length=8, choices=Return.Source)
    what = models.CharField(max_length=10, choices=[*Return.Outcome.choices, *What.choices])
    count = models.PositiveIntegerField(default=0)

    class Meta:
        default_permissions = ()
        ordering = ["-day", "source", "what"]
        constraints = [models.UniqueConstraint(fields=["day", "source", "what"], name="return_count_once")]

    def __str__(self) -> str:
        return f"{self.count} {self.what} by {self.source} on {self.day}"
