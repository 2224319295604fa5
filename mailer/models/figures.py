"""A closed mailing's figures, which are counted in the background because no page can read a million deliveries."""

from datetime import datetime

from django.db import models
from django.db.models import F, Q

from mailer.models.mailings import Mailing
from mailer.models.sums import FINAL, Sums


class MailingFigures(Sums):
    """What was counted of a mailing, when, and its sums at that time: where these differ now, it is counted again."""

    mailing = models.OneToOneField(Mailing, primary_key=True, on_delete=models.CASCADE, related_name="figures")
    as_of = models.DateTimeField(null=True, help_text="Empty: not counted to the end yet.")
    begun_at = models.DateTimeField(null=True, help_text="When a worker began to count; empty: none does.")
    finished_at = models.DateTimeField(null=True, help_text="When the mailing had ended that was counted.")
    is_stale = models.BooleanField(default=False, help_text="Something changed that is in none of the sums.")
    counted = models.JSONField(default=dict)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"Figures of mailing {self.pk}"

    def fits(self, mailing: Mailing) -> bool:
        """Whether nothing of the mailing has changed since it was counted."""
        same = all(getattr(self, name) == getattr(mailing, name) for name in _COMPARED)
        return self.as_of is not None and not self.is_stale and same


_COMPARED = ("planned", *FINAL, "finished_at")


def is_counted(mailing: Mailing) -> bool:
    """Whether it is one of those whose figures are counted when they have ended."""
    return mailing.list_id is not None and mailing.planned > 0 and mailing.kind != Mailing.Kind.TEST


def uncounted(begun_before: datetime) -> "models.QuerySet[Mailing]":
    """Mailings to lists that have ended and whose figures are missing or old, unless somebody counts them.

    Who began before the time given is not waited for any more.
    """
    fits = Q(figures__is_stale=False, **{f"figures__{name}": F(name) for name in _COMPARED})
    idle = Q(figures=None) | Q(figures__begun_at=None) | Q(figures__begun_at__lt=begun_before)
    ended = Mailing.objects.filter(list__isnull=False, planned__gt=0, finished_at__isnull=False)
    return ended.exclude(kind=Mailing.Kind.TEST).filter(idle).filter(Q(figures=None) | ~fits)
