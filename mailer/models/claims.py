"""Which deliveries workers have in hand."""

from datetime import datetime

from django.db import connection, models

from mailer.models.mailings import Mailing


class ClaimQuerySet(models.QuerySet["Claim"]):
    """Claims by time and range."""

    def alive(self, now: datetime) -> "ClaimQuerySet":
        """Those that hold at `now`."""
        return self.filter(until__gt=now)

    def abandoned(self, now: datetime) -> "ClaimQuerySet":
        """Those that nobody ended, and whose time was over at `now`."""
        return self.filter(until__lte=now)

    def covering(self, mailing_id: int, first: int, last: int) -> "ClaimQuerySet":
        """Those on any of the mailing's deliveries between two ids."""
        return self.filter(mailing=mailing_id, first__lte=last, last__gte=first)

    def wait_for_others(self, mailing_id: int) -> None:
        """From here to the transaction's end nobody else claims a delivery of the mailing, or two could overlap.

        SQLite's transactions wait for each other anyway.
        """
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [mailing_id])


class Claim(models.Model):
    """A run's hold on the deliveries of a mailing between two ids that were due then.

    One row for some hundred mails, in place of a state in each of them: that would be a second write of every row of
    the log. Claims of a mailing do not overlap. One is deleted when all its mails are recorded, or were not sent.
    """

    mailing = models.ForeignKey(Mailing, on_delete=models.DO_NOTHING, db_constraint=False, related_name="claims")
    first = models.BigIntegerField()
    last = models.BigIntegerField()
    made_at = models.DateTimeField()
    until = models.DateTimeField()
    task_id = models.UUIDField()

    objects = ClaimQuerySet.as_manager()

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"Deliveries {self.first} to {self.last}, until {self.until:%H:%M:%S} UTC"
