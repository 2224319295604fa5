"""Feeds that a list follows: where they are, how often they are read, and how they are."""

from datetime import datetime, timedelta

from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Q

from mailer.models.recipients import RecipientList

#: For so long one worker has a feed to itself: longer than a request may take.
LEASE = timedelta(minutes=2)
#: A feed that could not be read is tried again ever later, up to this.
LONGEST_WAIT = timedelta(days=1)
#: So often in a row, and people are told of it.
WORRYING = 5


class FeedQuerySet(models.QuerySet["Feed"]):
    """Feeds by whether somebody has to do something."""

    def due(self, now: datetime) -> "FeedQuerySet":
        """Those that are to be read and that nobody reads just now."""
        free = Q(leased_until=None) | Q(leased_until__lt=now)
        return self.filter(free, is_followed=True, next_at__lte=now).order_by("next_at")

    def troubled(self) -> "FeedQuerySet":
        """Those that could not be read several times in a row."""
        return self.filter(is_followed=True, failures__gte=WORRYING)


class Feed(models.Model):
    """An RSS or Atom feed whose new entries become items of a list."""

    class Every(models.IntegerChoices):
        """Minutes between two readings."""

        QUARTER = 15, "a quarter of an hour"
        HALF = 30, "half an hour"
        HOUR = 60, "an hour"
        SIX_HOURS = 360, "six hours"
        DAY = 1440, "a day"

    list = models.ForeignKey(RecipientList, on_delete=models.CASCADE, related_name="feeds")
    url = models.URLField("address", max_length=800)
    title = models.CharField(max_length=200, blank=True, help_text="Empty: the feed's own.")
    category = models.CharField(
        max_length=100, blank=True, help_text="Of its items, under which digests group them. Empty: each entry's own."
    )
    every = models.PositiveSmallIntegerField("read it every", choices=Every, default=Every.HALF)
    newest_first = models.PositiveSmallIntegerField(
        "to begin with, the newest",
        default=5,
        validators=[MaxValueValidator(100)],
        help_text="So many of the entries that it holds now become items; later every new one does.",
    )
    is_followed = models.BooleanField(default=False, editable=False)
    next_at = models.DateTimeField(null=True, editable=False, help_text="When it is read next.")
    leased_until = models.DateTimeField(null=True, editable=False, help_text="While a worker reads it.")
    etag = models.CharField(max_length=300, blank=True, editable=False)
    last_modified = models.CharField(max_length=100, blank=True, editable=False)
    left_out = models.JSONField(
        default=dict, editable=False, help_text="Marks of entries that are no items, and stay so."
    )
    recent = models.JSONField(default=dict, editable=False, help_text="What it held when it was last read.")
    read_at = models.DateTimeField(null=True, editable=False, help_text="When it was last read without a fault.")
    new_at = models.DateTimeField(null=True, editable=False, help_text="When it last held something new.")
    failures = models.PositiveIntegerField(default=0, editable=False, help_text="In a row.")
    failing_since = models.DateTimeField(null=True, editable=False)
    problem = models.CharField(max_length=300, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = FeedQuerySet.as_manager()

    class Meta:
        ordering = ["list__name", "title", "url"]
        constraints = [models.UniqueConstraint(fields=["list", "url"], name="feed_once_a_list")]
        indexes = [models.Index(fields=["next_at"], condition=Q(is_followed=True), name="feed_by_next")]

    def __str__(self) -> str:
        return self.title or self.url

    def lease(self, now: datetime) -> bool:
        """Take the feed for this worker. Returns whether nobody else has it."""
        free = Q(leased_until=None) | Q(leased_until__lt=now)
        taken = Feed.objects.filter(free, pk=self.pk).update(leased_until=now + LEASE)
        if taken:
            self.leased_until = now + LEASE
        return bool(taken)

    def note_success(self, now: datetime) -> None:
        """It was read: whatever was wrong is over, and its next time is as usual."""
        self.read_at, self.failures, self.failing_since, self.problem = now, 0, None, ""
        self.next_at, self.leased_until = now + timedelta(minutes=self.every), None

    def note_failure(self, problem: str, wait: timedelta | None, now: datetime) -> None:
        """It could not be read: tried again later, each time twice as late; or after `wait`, as its server said."""
        self.failures += 1
        usual = timedelta(minutes=self.every) * 2 ** min(self.failures - 1, 10)
        self.next_at, self.leased_until = now + min(max(usual, wait or usual), LONGEST_WAIT), None
        self.failing_since, self.problem = self.failing_since or now, problem[:300]
