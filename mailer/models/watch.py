"""What the service notes of itself: mails by the hour, signs of life, and what was wrong and told to the admins."""

from django.db import models
from django.db.models import Q


class Tally(models.Model):
    """What became of mails within an hour, by when it was written down.

    Senders only ever add rows, so they never wait for each other; the rows of an hour are folded into one meanwhile.
    """

    #: The figures, named as the outcomes that `record` counts.
    FIGURES = ("sent", "failed", "skipped", "uncertain", "retry")

    #: Seconds from a mail's time until the mail server took it; of each bound the mails up to it and above the last.
    BOUNDS = (1, 10, 60, 300, 1800)
    DELAYS = ("within_1", "within_10", "within_60", "within_300", "within_1800", "later", "delay_seconds")

    hour = models.DateTimeField(db_index=True, help_text="Its beginning.")
    is_single = models.BooleanField(default=False, db_default=False, help_text="Mails to one person, not to a list.")
    sent = models.IntegerField(default=0)
    failed = models.IntegerField(default=0)
    skipped = models.IntegerField(default=0)
    uncertain = models.IntegerField(default=0, help_text="Can be below zero: one that was uncertain is known now.")
    retry = models.IntegerField("to be tried again", default=0)
    within_1 = models.IntegerField(default=0, db_default=0)
    within_10 = models.IntegerField(default=0, db_default=0)
    within_60 = models.IntegerField(default=0, db_default=0)
    within_300 = models.IntegerField(default=0, db_default=0)
    within_1800 = models.IntegerField(default=0, db_default=0)
    later = models.IntegerField(default=0, db_default=0)
    delay_seconds = models.FloatField(default=0, db_default=0, help_text="Of all these together.")

    class Meta:
        default_permissions = ()
        ordering = ["-hour", "-id"]
        verbose_name_plural = "tallies"

    def __str__(self) -> str:
        return f"{self.sent} sent in the hour from {self.hour:%Y-%m-%d %H:%M} UTC"


class Heartbeat(models.Model):
    """A sign of life of one of our programs."""

    class Kind(models.TextChoices):
        """Whose."""

        WORKER = "worker", "Worker"
        BEAT = "beat", "Beat"
        TICK = "tick", "Tick"

    kind = models.CharField(max_length=6, choices=Kind)
    name = models.CharField(max_length=255, blank=True, help_text="Celery's node name, such as celery@mail-1.")
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    stopped_at = models.DateTimeField(null=True, blank=True, help_text="When it ended in order.")
    concurrency = models.PositiveSmallIntegerField(default=0, help_text="How many tasks it runs at once.")
    queues = models.CharField(max_length=500, blank=True)

    class Meta:
        default_permissions = ()
        ordering = ["kind", "name"]
        constraints = [models.UniqueConstraint(fields=["kind", "name"], name="heartbeat_once_a_program")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.name}".strip()


class AlertQuerySet(models.QuerySet["Alert"]):
    """Alerts by where they stand."""

    def open(self) -> "AlertQuerySet":
        """Those whose cause goes on."""
        return self.filter(ended_at=None)

    def untold(self) -> "AlertQuerySet":
        """Those of which the admins have not been told."""
        return self.filter(told_at=None)

    def end_untold(self) -> "AlertQuerySet":
        """Those that the admins were told of and that have ended since, without a word."""
        return self.filter(told_at__isnull=False, ended_at__isnull=False, end_told_at=None, has_end=True)


class Alert(models.Model):
    """Something that was wrong: since when, until when, and when the admins were told of either."""

    key = models.CharField(max_length=100, help_text="What is wrong with what; open once at a time.")
    title = models.CharField(max_length=200)
    text = models.CharField(max_length=1000)
    since = models.DateTimeField()
    seen_at = models.DateTimeField(help_text="When it was last found to be so.")
    has_end = models.BooleanField(default=True, help_text="A state, not an event: its end is told too.")
    told_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    end_told_at = models.DateTimeField(null=True, blank=True)

    objects = AlertQuerySet.as_manager()

    class Meta:
        default_permissions = ("view",)
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["key"], condition=Q(ended_at=None), name="alert_open_once"),
        ]

    def __str__(self) -> str:
        return self.title
