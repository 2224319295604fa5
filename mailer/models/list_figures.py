"""A large list's figures, which are counted in the background because no page can count a million subscriptions."""

from django.db import models

from mailer.models.recipients import RecipientList


class ListFigures(models.Model):
    """How many stand where with a list, and who joined and left day by day, as it was when they were counted.

    Only lists that are too long to be counted while somebody waits have a row.
    """

    list = models.OneToOneField(RecipientList, on_delete=models.CASCADE, primary_key=True, related_name="figures")
    as_of = models.DateTimeField(db_index=True)
    states = models.JSONField(help_text="How many subscriptions, by state.")
    first_day = models.DateField(help_text="Of those that follow, by the list's calendar.")
    joined = models.JSONField(help_text="How many, day by day.")
    left = models.JSONField(help_text="How many of those who are still gone, day by day.")

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.list}, {self.as_of:%-d %b %Y %H:%M} UTC"
