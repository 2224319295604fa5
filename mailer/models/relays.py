"""The mail server's bad times, shared by all workers through the database."""

from django.db import models


class RelayPause(models.Model):
    """While this row is there, the relay is taken as unusable: batches wait, and staff read why.

    One row at most (its `relay` is unique); a worker that gets through deletes it.
    """

    relay = models.CharField(max_length=300, unique=True, help_text="host:port")
    reason = models.CharField(max_length=500)
    since = models.DateTimeField(auto_now_add=True)
    retry_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.relay}: {self.reason}"
