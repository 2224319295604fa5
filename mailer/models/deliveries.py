"""One mail to one recipient: the work item and the log in one, kept slim because there are millions."""

from datetime import datetime

from django.db import models
from django.db.models import Q

from mailer.models.claims import Claim
from mailer.models.consent import ConsentEvent
from mailer.models.literals import Literal
from mailer.models.mailings import NAMED as MAILING_NAMED
from mailer.models.mailings import Mailing
from mailer.models.recipients import Domain, Recipient, Subscription

#: What the name of a delivery's mailing needs, for `select_related`.
NAMED = tuple(f"mailing__{field}" for field in MAILING_NAMED)
#: RFC 5321 section 4.2.1: codes below are good news.
FIRST_ERROR_CODE = 300


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    """Deliveries by state."""

    def to(self, recipient: Recipient, since: datetime | None = None) -> "DeliveryQuerySet":
        """The person's, in no order; with `since`, those of mailings that were due from then on.

        There is no index on the recipient. So this names the mailings in which the person may be, those of each list
        that they are or were on and those to them alone, and the unique (mailing, recipient) does the rest: one probe
        a mailing, however many deliveries there are. An ORDER BY with a LIMIT could make the planner walk the whole log
        instead: take the ids, and sort those.
        """
        mailings = Mailing.objects.order_by() if since is None else Mailing.objects.filter(scheduled_for__gte=since)
        here = Subscription.objects.filter(recipient=recipient).order_by().values_list("list", flat=True)
        was = ConsentEvent.objects.filter(recipient=recipient).order_by().values_list("list", flat=True)
        to_lists = mailings.filter(list__in=here.union(was))
        single = mailings.filter(recipient=recipient)
        mine = to_lists.order_by().values("pk").union(single.order_by().values("pk"))
        return self.filter(recipient=recipient, mailing__in=mine).order_by()

    def open(self) -> "DeliveryQuerySet":
        """Those that are not final, by the index of just these."""
        return self.filter(status=Literal("queued"))

    def ended_otherwise(self) -> "DeliveryQuerySet":
        """Those that are final and not sent, by the index of just these."""
        return self.exclude(status__in=[Literal("queued"), Literal("sent")])

    def with_reason(self) -> "DeliveryQuerySet":
        """Those that say why they are not simply sent, by the index of just these."""
        return self.filter(reason__gt=Literal(""))

    def refused(self) -> "DeliveryQuerySet":
        """Those to which the mail server last answered with an error, by the index of just these."""
        return self.filter(smtp_code__gte=Literal(FIRST_ERROR_CODE))

    def to_domain(self, domain: str) -> "DeliveryQuerySet":
        """Those to addresses at the domain, which is in its normal form."""
        return self.alias(domain=Domain("recipient__email")).filter(domain=domain)

    def due(self, now: datetime) -> "DeliveryQuerySet":
        """Those that may be sent at `now`."""
        in_time = Q(next_attempt_at=None) | Q(next_attempt_at__lte=now)
        return self.open().filter(in_time)

    def held(self, claim: Claim) -> "DeliveryQuerySet":
        """Those that the claim took and for which nothing is recorded yet."""
        return self.within(claim).due(claim.made_at)

    def lost(self, claim: Claim) -> "DeliveryQuerySet":
        """Those that were given up with the claim because its worker seemed to be lost."""
        given_up = {"status": Delivery.Status.UNCERTAIN, "reason": Delivery.Reason.WORKER_LOST}
        return self.within(claim).filter(**given_up, task_id=claim.task_id)

    def within(self, claim: Claim) -> "DeliveryQuerySet":
        """Those in the claim's range."""
        return self.filter(mailing=claim.mailing_id, pk__range=(claim.first, claim.last))


class Delivery(models.Model):
    """One mail to one recipient.

    The foreign keys have no constraint in the database: checking them is more than half the cost of planning a
    million rows. There is no index on the recipient alone either: a person's mails are found through the mailings of
    their lists and the unique key, so that the log's indexes grow only at their right edge.
    """

    class Status(models.TextChoices):
        """queued → sent, or queued again with a time, or one of the others, which are final.

        That a worker has a queued delivery in hand is said by a Claim on its range.
        """

        QUEUED = "queued", "Queued"
        SENT = "sent", "Sent"
        FAILED = "failed", "Failed"
        SKIPPED = "skipped", "Skipped"
        BOUNCED = "bounced", "Bounced"
        COMPLAINED = "complained", "Complained"
        UNCERTAIN = "uncertain", "Uncertain"
        CANCELLED = "cancelled", "Cancelled"

    class Reason(models.TextChoices):
        """Why a delivery is not simply sent, in words."""

        NONE = "", ""
        UNSUBSCRIBED = "unsubscribed", "unsubscribed from the list"
        SUPPRESSED = "suppressed", "the address is suppressed"
        PAUSED = "paused", "asked for a pause"
        ERASED = "erased", "the person was erased"
        EMPTY = "empty", "nothing new for this person"
        TEMPLATE = "template", "the template could not be filled with this person's data"
        ADDRESS = "address", "the mail server refused the address"
        REFUSED = "refused", "the mail server refused the mail"
        TEMPORARY = "temporary", "the mail server asked to try again later"
        PACED = "paced", "waits for its turn under a sending limit"
        ADMITTED = "admitted", "its turn under a sending limit has come"
        EXHAUSTED = "exhausted", "the mail server asked to try again later until the attempts were used up"
        RELAY = "relay", "the mail server could not be used"
        NO_ANSWER = "no_answer", "the connection died after the mail was handed over and before the answer"
        WORKER_LOST = "worker_lost", "the worker died while the mail was in flight"
        LET_BE = "let_be", "nobody can say whether it arrived, and staff let it be"
        CANCELLED = "cancelled", "the mailing was cancelled"
        GUARDED = "guarded", "the staging guard (MAILER_ONLY_TO) lets no mail to this address out"
        GONE = "gone", "it came back: there is no such address"
        MAILBOX = "mailbox", "it came back: the mailbox could not take it"
        BLOCKED = "blocked", "it came back: the mail server refused it as unwanted"
        UNEXPLAINED = "unexplained", "it came back, without a reason that is understood"
        COMPLAINT = "complaint", "the person marked it as spam"

    id = models.BigAutoField(primary_key=True)
    mailing = models.ForeignKey(
        Mailing, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="deliveries"
    )
    recipient = models.ForeignKey(
        Recipient, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="deliveries"
    )
    status = models.CharField(max_length=10, choices=Status, default=Status.QUEUED, db_default=Status.QUEUED)
    reason = models.CharField(max_length=14, choices=Reason, default="", db_default="", blank=True)
    attempts = models.PositiveSmallIntegerField(default=0, db_default=0)
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    smtp_code = models.PositiveSmallIntegerField("SMTP code", null=True, blank=True)
    smtp_text = models.CharField("mail server's answer", max_length=255, default="", db_default="", blank=True)
    task_id = models.UUIDField(null=True, blank=True)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "deliveries"
        constraints = [models.UniqueConstraint(fields=["mailing", "recipient"], name="delivery_once_a_mailing")]
        indexes = [
            models.Index(fields=["mailing", "id"], condition=Q(status="queued"), name="delivery_open"),
            models.Index(
                fields=["next_attempt_at"],
                condition=Q(status="queued", next_attempt_at__isnull=False),
                name="delivery_retry",
            ),
            # For the log, in its order; a mail that is simply sent is in none of them.
            models.Index(
                fields=["status", "mailing", "recipient"],
                condition=~Q(status__in=["queued", "sent"]),
                name="delivery_by_status",
            ),
            models.Index(
                fields=["reason", "mailing", "recipient"], condition=Q(reason__gt=""), name="delivery_by_reason"
            ),
            models.Index(
                fields=["smtp_code", "mailing", "recipient"],
                condition=Q(smtp_code__gte=FIRST_ERROR_CODE),
                name="delivery_by_code",
            ),
        ]

    def __str__(self) -> str:
        return f"Delivery {self.pk}"

    @property
    def person(self) -> Recipient | None:
        """The recipient; None if they were erased, which the key, without a constraint, does not notice."""
        try:
            return self.recipient
        except Recipient.DoesNotExist:
            return None


class Attempt(models.Model):
    """A line of a delivery's story: an attempt that did not end in `sent`, or what staff decided about it afterwards.

    The attempt that succeeded is the Delivery itself. A decision is told by the decider's name, which stays in the log
    when the account is gone.
    """

    class Decision(models.TextChoices):
        """What staff decide; the outcomes of attempts are `mailer.sending.outcomes.Kind`."""

        RETRIED = "retried", "put back into the queue after it had failed"
        RESENT = "resent", "to be sent again, although it may have arrived"
        LET_BE = "let_be", "let be: it counts as neither sent nor failed"

    #: How an attempt ended, by `mailer.sending.outcomes.Kind`, if the mail server said so, and if it said nothing.
    ENDS = {
        "temporary": (
            "the mail server asked to try again later",
            "the connection was lost before the mail was handed over",
        ),
        "recipient_rejected": ("the mail server refused the address", "the address could not be used"),
        "permanent": ("the mail server refused the mail", "the mail could not be made"),
        "uncertain": ("handed over, and then an answer that says nothing", "handed over, and no answer came"),
    }

    delivery = models.ForeignKey(
        Delivery, on_delete=models.CASCADE, db_constraint=False, related_name="failed_attempts"
    )
    at = models.DateTimeField()
    outcome = models.CharField(max_length=20)
    smtp_code = models.PositiveSmallIntegerField("SMTP code", null=True, blank=True)
    smtp_text = models.CharField("mail server's answer", max_length=500, blank=True)
    by = models.CharField("decided by", max_length=150, blank=True, default="", db_default="")

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.outcome} at {self.at:%Y-%m-%d %H:%M} UTC"

    @property
    def is_decision(self) -> bool:
        """Whether it is what somebody decided."""
        return self.outcome in self.Decision.values

    @property
    def in_words(self) -> str:
        """How the attempt ended, or what was decided."""
        if self.is_decision:
            return str(self.Decision(self.outcome).label)
        answered, mute = self.ENDS.get(self.outcome, (self.outcome, self.outcome))
        return answered if self.smtp_code else mute
