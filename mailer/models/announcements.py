"""What goes out once, to lists or to a segment, because somebody on staff has said so."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from mailer.models.recipients import RecipientList
from mailer.models.segments import Segment
from mailer.models.templates import EmailTemplate, TemplateVersion
from mailer.models.zones import TimeZoneField


class AnnouncementQuerySet(models.QuerySet["Announcement"]):
    """Announcements by state."""

    def scheduled(self) -> "AnnouncementQuerySet":
        """Those that somebody has let go, and that are not planned yet."""
        return self.filter(status=Announcement.Status.SCHEDULED)


class Announcement(models.Model):
    """One mail to everybody on its lists, or in its segment; each person gets it once.

    The version is pinned when somebody lets it go: what goes out is what that person has looked at, whatever becomes of
    the template until then. One Mailing a list comes of it; their rows say the rest.
    """

    class Status(models.TextChoices):
        """draft ⇄ scheduled → sent, or missed (nothing ran until it was too late)."""

        DRAFT = "draft", "Draft"
        SCHEDULED = "scheduled", "Scheduled"
        SENT = "sent", "Handed over"
        MISSED = "missed", "Missed"

    name = models.CharField(max_length=200, help_text="For staff; recipients see the template's subject.")
    template = models.ForeignKey(EmailTemplate, on_delete=models.PROTECT, related_name="announcements")
    fields = models.JSONField(default=dict, blank=True, help_text="What the template asks for besides what it knows.")
    lists = models.ManyToManyField(RecipientList, blank=True, related_name="announcements")
    segment = models.ForeignKey(Segment, null=True, blank=True, on_delete=models.PROTECT, related_name="announcements")
    status = models.CharField(max_length=9, choices=Status, default=Status.DRAFT, editable=False)
    version = models.ForeignKey(
        TemplateVersion, null=True, editable=False, on_delete=models.PROTECT, related_name="announcements"
    )
    send_at = models.DateTimeField(null=True, editable=False)
    time_zone = TimeZoneField(default="UTC", editable=False)
    sent_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, editable=False, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = AnnouncementQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["send_at"], condition=Q(status="scheduled"), name="announcement_scheduled")]

    def __str__(self) -> str:
        return self.name

    def lists_in_order(self) -> list[RecipientList]:
        """The lists it goes to, by name: who is on several gets it through the first of these."""
        if self.segment is not None:
            return [self.segment.list]
        return list(self.lists.order_by("name", "pk"))
