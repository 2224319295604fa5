"""Some of a list's people, by what is known of them: plain conditions, stored as data."""

from datetime import date

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models

from mailer.models.recipients import RecipientList
from mailer.models.zones import validate_time_zone

#: No condition looks further back than ten years.
MOST_DAYS = 3_660


class Segment(models.Model):
    """The active subscribers of a list to whom all of the conditions apply, looked up anew each time it is used."""

    name = models.CharField(max_length=200, unique=True)
    list = models.ForeignKey(RecipientList, on_delete=models.CASCADE, related_name="segments")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, editable=False, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def in_words(self) -> str:
        """`on News, language is de, joined this month`."""
        return ", ".join([f"on {self.list}", *map(str, self.conditions.all())])


class SegmentCondition(models.Model):
    """One thing that must be so of a subscriber."""

    class Rule(models.TextChoices):
        """What is looked at, and how; each says which of `attribute` and `value` it needs."""

        LANGUAGE_IS = "language_is", "language is"
        LANGUAGE_IS_NOT = "language_is_not", "language is not"
        ZONE_IS = "zone_is", "time zone is"
        ZONE_IS_NOT = "zone_is_not", "time zone is not"
        ATTRIBUTE_IS = "attribute_is", "attribute is"
        ATTRIBUTE_IS_NOT = "attribute_is_not", "attribute is not"
        ATTRIBUTE_CONTAINS = "attribute_contains", "attribute contains"
        ATTRIBUTE_IS_THERE = "attribute_is_there", "attribute is there"
        ATTRIBUTE_IS_MISSING = "attribute_is_missing", "attribute is missing"
        JOINED_THIS_MONTH = "joined_this_month", "joined this month"
        JOINED_WITHIN = "joined_within", "joined within the last days"
        JOINED_SINCE = "joined_since", "joined on or after"
        JOINED_BEFORE = "joined_before", "joined before"

    WITHOUT_VALUE = frozenset({Rule.ATTRIBUTE_IS_THERE, Rule.ATTRIBUTE_IS_MISSING, Rule.JOINED_THIS_MONTH})

    segment = models.ForeignKey(Segment, on_delete=models.CASCADE, related_name="conditions")
    rule = models.CharField("what", max_length=20, choices=Rule)
    attribute = models.CharField("attribute's name", max_length=100, blank=True)
    value = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["id"]
        verbose_name = "condition"

    def __str__(self) -> str:
        if self.rule == self.Rule.JOINED_WITHIN:
            return f"joined within the last {self.value} days"
        words = self.get_rule_display().replace("attribute", f"attribute “{self.attribute}”")
        return f"{words} {self.value}".strip()

    @property
    def reads_attribute(self) -> bool:
        """Whether it looks at one of the recipient's attributes."""
        return self.rule.startswith("attribute_")

    def clean(self) -> None:
        """Drop what the rule does not read; raises ValidationError at the field that is missing or wrong."""
        self.attribute = self.attribute.strip() if self.reads_attribute else ""
        self.value = "" if self.rule in self.WITHOUT_VALUE else self.value.strip()
        if self.reads_attribute and not self.attribute:
            raise ValidationError({"attribute": "Name the attribute, such as plan."})
        if self.rule and self.rule not in self.WITHOUT_VALUE:
            self._check_value()

    def _check_value(self) -> None:
        try:
            if not self.value:
                raise ValidationError("Say what it is compared with.")
            if self.rule in (self.Rule.ZONE_IS, self.Rule.ZONE_IS_NOT):
                validate_time_zone(self.value)
            elif self.rule == self.Rule.JOINED_WITHIN:
                self._check_days()
            elif self.rule in (self.Rule.JOINED_SINCE, self.Rule.JOINED_BEFORE):
                self._check_date()
        except ValidationError as error:
            raise ValidationError({"value": error}) from error

    def _check_days(self) -> None:
        if not self.value.isdecimal() or not 0 < int(self.value) <= MOST_DAYS:
            raise ValidationError(f"Write a number of days from 1 to {MOST_DAYS:,}.")

    def _check_date(self) -> None:
        try:
            date.fromisoformat(self.value)
        except ValueError as error:
            raise ValidationError("Write the day as in 2026-11-23.") from error
