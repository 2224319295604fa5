"""What goes to a list again and again, and the items that will be in it."""

import builtins
from datetime import datetime

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django_celery_beat.models import PeriodicTask

from mailer.models.recipients import Recipient, RecipientList
from mailer.models.templates import EmailTemplate


class Weekday(models.IntegerChoices):
    """As Python numbers them."""

    MONDAY = 0, "Monday"
    TUESDAY = 1, "Tuesday"
    WEDNESDAY = 2, "Wednesday"
    THURSDAY = 3, "Thursday"
    FRIDAY = 4, "Friday"
    SATURDAY = 5, "Saturday"
    SUNDAY = 6, "Sunday"


class Digest(models.Model):
    """A digest of a list. When it goes is in its beat PeriodicTask and nowhere else."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=200)
    list = models.ForeignKey(RecipientList, on_delete=models.CASCADE, related_name="digests")
    template = models.ForeignKey(EmailTemplate, on_delete=models.PROTECT, related_name="digests")
    periodic_task = models.OneToOneField(
        PeriodicTask, null=True, blank=True, editable=False, on_delete=models.SET_NULL, related_name="digest"
    )
    in_recipients_zone = models.BooleanField(
        "in each recipient's time zone",
        default=False,
        help_text="The time counts in each recipient's own zone; else in the schedule's.",
    )
    weekly_on = models.PositiveSmallIntegerField(
        "weekly mails on",
        choices=Weekday,
        default=Weekday.MONDAY,
        help_text="For those who want one mail a week: at the digest's first time from this day on.",
    )
    catch_up_hours = models.PositiveSmallIntegerField(
        "catch-up window (hours)", default=6, help_text="Missed by no more than this, it is still sent, late."
    )
    spread_minutes = models.PositiveSmallIntegerField(
        "spread over (minutes)",
        default=0,
        db_default=0,
        validators=[MaxValueValidator(360)],
        help_text="0: as fast as the mail server takes them. 20: evenly from its time until 20 minutes later, because "
        "large mailbox providers dislike the top of the hour.",
    )
    send_when_empty = models.BooleanField(default=False)
    max_items = models.PositiveSmallIntegerField(
        default=20,
        validators=[MinValueValidator(1), MaxValueValidator(100)],
        help_text="What is beyond is counted: '12 more'. Gmail cuts off what is longer than about 100 items.",
    )
    more_url = models.URLField("link for the rest", blank=True)
    sources = models.JSONField(
        default=builtins.list,
        db_default=[],
        blank=True,
        help_text="Functions of other apps that are asked for items before it goes.",
    )
    checked_through = models.DateTimeField(
        null=True, editable=False, help_text="Occurrences up to here are planned, skipped or missed."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True, null=True, editable=False)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def paused(self) -> bool:
        """Whether its periodic task is switched off, by people: beat does it to one for a single time that has come."""
        task = self.periodic_task
        if task is None or task.enabled:
            return False
        return task.clocked is None or task.last_run_at is None or task.last_run_at < task.clocked.clocked_time


class DigestItemQuerySet(models.QuerySet["DigestItem"]):
    """Items by where they stand with a digest."""

    def unsent(self, digest: Digest) -> "DigestItemQuerySet":
        """Those of its list that are in none of its mailings."""
        return self.filter(list=digest.list_id).exclude(mailing_items__mailing__digest=digest)

    def waiting(self, digest: Digest, now: datetime) -> "DigestItemQuerySet":
        """Those that its next mailing would hold, in that order: the rule by which planning chooses."""
        return self.unsent(digest).filter(is_hidden=False, published_at__lte=now).in_order()

    def in_order(self) -> "DigestItemQuerySet":
        """As a mail shows them: first those that staff gave a place, then the newest."""
        return self.order_by(F("position").asc(nulls_last=True), "-published_at", "-id")


class DigestItem(models.Model):
    """Something new, for everybody on a list or for one recipient of it."""

    list = models.ForeignKey(RecipientList, on_delete=models.CASCADE, related_name="items")
    recipient = models.ForeignKey(
        Recipient, null=True, blank=True, on_delete=models.CASCADE, help_text="Empty: for the whole list."
    )
    title = models.CharField(max_length=300)
    summary = models.TextField(
        blank=True,
        help_text="Markdown: **strong**, *emphasis*, lists, [links](https://…). A long one is cut.",
    )
    url = models.URLField("link", max_length=800, blank=True)
    image_url = models.URLField(
        "picture", max_length=800, blank=True, help_text="Its address. It is shown 16:9, or 4:3 where it is small."
    )
    category = models.CharField(max_length=100, blank=True)
    published_at = models.DateTimeField(default=timezone.now)
    external_id = models.CharField(  # noqa: DJ001 - null, not empty, is what is not unique
        max_length=200, null=True, blank=True, help_text="The source's own id."
    )
    is_hidden = models.BooleanField("hidden", default=False)
    position = models.PositiveIntegerField(
        null=True, blank=True, editable=False, help_text="Its place in the next digest; none: after those, by time."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True, null=True, editable=False)

    objects = DigestItemQuerySet.as_manager()

    class Meta:
        ordering = ["-published_at", "-id"]
        verbose_name = "item"
        constraints = [
            models.UniqueConstraint(
                fields=["list", "external_id"], condition=Q(external_id__isnull=False), name="item_once_a_list"
            )
        ]
        indexes = [
            models.Index(fields=["list", "published_at"], name="item_by_list_and_time"),
            # By it the same thing on other lists is found.
            models.Index(fields=["url"], condition=Q(recipient=None), name="item_by_link"),
        ]

    def __str__(self) -> str:
        return self.title
