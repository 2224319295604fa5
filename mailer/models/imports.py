"""Files of people, and what became of them."""

from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import models
from django.db.models import Q

from mailer.models.recipients import Recipient, RecipientList

#: A worker that has not been heard of for so long is taken for dead; the message to one, for lost.
PATIENCE = timedelta(minutes=1)


def no_columns() -> list[str]:
    """Nothing is known of the columns yet; a function, because within the model `list` is a field."""
    return []


class ImportQuerySet(models.QuerySet["Import"]):
    """Imports by who has to do something."""

    def working(self) -> "ImportQuerySet":
        """Those on which a worker is, or should be."""
        return self.filter(state__in=Import.WORKING)

    def free(self, now: datetime) -> "ImportQuerySet":
        """Of those, the ones that no living worker holds."""
        return self.working().filter(Q(leased_until=None) | Q(leased_until__lt=now))

    def forgotten(self, now: datetime) -> "ImportQuerySet":
        """Those that nobody holds, though a worker was told of them a while ago."""
        return self.free(now).filter(Q(woken_at=None) | Q(woken_at__lt=now - PATIENCE))


class Import(models.Model):
    """One file for one list: uploaded, checked, run, and perhaps undone.

    The file is kept in IMPORT_DIR, which web and workers share, for IMPORT_DAYS: undoing reads it again.
    """

    class State(models.TextChoices):
        """uploaded → checking → checked → running → done → undoing → undone; or failed, or cancelled."""

        UPLOADED = "uploaded", "Uploaded"
        CHECKING = "checking", "Being checked"
        CHECKED = "checked", "Checked"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Not imported"
        UNDOING = "undoing", "Being undone"
        UNDONE = "undone", "Undone"

    WORKING = (State.CHECKING, State.RUNNING, State.UNDOING)

    list = models.ForeignKey(RecipientList, on_delete=models.CASCADE, related_name="imports")
    file_name = models.CharField("file", max_length=200)
    size = models.BigIntegerField(default=0, help_text="Bytes.")
    encoding = models.CharField(max_length=20)
    delimiter = models.CharField(max_length=1)
    has_heading = models.BooleanField("the first line is a heading", default=True)
    meanings = models.JSONField(default=no_columns, help_text="Of each column: a field, 'attribute:NAME', or nothing.")
    state = models.CharField(max_length=9, choices=State, default=State.UPLOADED)
    problem = models.CharField(max_length=500, blank=True)
    resubscribe = models.BooleanField("subscribe again who has unsubscribed", default=False)
    reason = models.CharField("why", max_length=200, blank=True)
    counts = models.JSONField(default=dict)
    made = models.JSONField(default=dict, help_text="The ids of what it made, as first and last of each run.")
    done_bytes = models.BigIntegerField(default=0)
    tries = models.PositiveSmallIntegerField(default=0)
    woken_at = models.DateTimeField(null=True)
    leased_until = models.DateTimeField(null=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = ImportQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(
                fields=["id"], condition=Q(state__in=["checking", "running", "undoing"]), name="import_working"
            )
        ]

    def __str__(self) -> str:
        return f"{self.file_name} for {self.list}"

    @property
    def path(self) -> Path:
        """The file."""
        return Path(settings.IMPORT_DIR) / f"{self.pk}.csv"

    @property
    def bad_lines(self) -> Path:
        """The lines that could not be used, each with its number and the reason."""
        return self.path.with_suffix(".bad.csv")

    @property
    def kept_people(self) -> Path:
        """Those whom undoing left as they are, each with the reason."""
        return self.path.with_suffix(".kept.csv")

    @property
    def is_working(self) -> bool:
        """Whether a worker is, or should be, on it."""
        return self.state in self.WORKING

    @property
    def kept_until(self) -> datetime:
        """How long the file is kept, and so how long the import can be undone."""
        return (self.finished_at or self.created_at) + timedelta(days=settings.IMPORT_DAYS)


class ImportChange(models.Model):
    """What a person was like before an import changed it."""

    of = models.ForeignKey(Import, on_delete=models.CASCADE, related_name="changes")
    recipient = models.ForeignKey(
        Recipient, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    name = models.CharField(max_length=200, blank=True)
    time_zone = models.CharField(max_length=64, blank=True)
    language = models.CharField(max_length=20, blank=True)
    attributes = models.JSONField(default=dict)
    is_resubscribed = models.BooleanField(default=False)
    unsubscribed_at = models.DateTimeField(null=True)
    source = models.CharField(max_length=100, blank=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"Recipient {self.recipient_id} before import {self.of_id}"
