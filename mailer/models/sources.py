"""How the sources of digests are: functions of other apps that give a digest its items."""

from datetime import datetime

from django.db import models

from mailer.models.digests import Digest


class SourceStateQuerySet(models.QuerySet["SourceState"]):
    """States by whether somebody has to do something."""

    def failing(self) -> "SourceStateQuerySet":
        """Those whose last call did not end well; the digest may have the source no more."""
        return self.exclude(problem="").select_related("digest")


class SourceState(models.Model):
    """What came of calling one source for one digest, the last time."""

    digest = models.ForeignKey(Digest, on_delete=models.CASCADE, related_name="source_states")
    name = models.CharField(max_length=50)
    called_at = models.DateTimeField(null=True)
    succeeded_at = models.DateTimeField(null=True, help_text="From then on it is asked for what is new.")
    stored = models.PositiveIntegerField(default=0, help_text="Items that it gave at its last call.")
    left_out = models.PositiveIntegerField(default=0, help_text="And items for somebody who is not on the list.")
    failing_since = models.DateTimeField(null=True)
    problem = models.CharField(max_length=300, blank=True, help_text="Names no data: that is in the worker's log.")

    objects = SourceStateQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        ordering = ["digest__name", "name"]
        constraints = [models.UniqueConstraint(fields=["digest", "name"], name="source_once_a_digest")]

    def __str__(self) -> str:
        return self.name

    def note_failure(self, problem: str, now: datetime) -> None:
        """It could not be called, or failed half-way."""
        self.problem, self.failing_since = problem[:300], self.failing_since or now

    def note_success(self, now: datetime) -> None:
        """It gave all that it had: whatever was wrong is over."""
        self.succeeded_at, self.failing_since, self.problem = now, None, ""
