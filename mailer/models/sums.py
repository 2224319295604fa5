"""What became of a mailing's deliveries, in numbers."""

from django.db import models

#: The states that are final, good news first.
FINAL = ("sent", "skipped", "failed", "bounced", "uncertain", "cancelled")


class Sums(models.Model):
    """How many deliveries were planned, and how many of them ended how."""

    planned = models.PositiveIntegerField(default=0)
    sent = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    skipped = models.PositiveIntegerField(default=0)
    bounced = models.PositiveIntegerField(default=0)
    uncertain = models.PositiveIntegerField(default=0)
    cancelled = models.PositiveIntegerField(default=0)

    class Meta:
        abstract = True

    @property
    def waiting(self) -> int:
        """How many deliveries are not final yet."""
        return self.planned - sum(getattr(self, state) for state in FINAL)
