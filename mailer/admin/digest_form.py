"""The form of a digest with its schedule, which is kept in beat's crontab and read and written through scheduling."""

from datetime import time
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError

from mailer.admin.base import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminRadioSelectWidget,
    UnfoldAdminTextInputWidget,
    ZoneSelect,
    zone_choices,
)
from mailer.admin.weekdays import WEEK, days_of, text_of
from mailer.audience.sources import source_names
from mailer.models import Digest
from mailer.scheduling.schedules import Schedule, read_schedule

#: The form's own fields; the others are the model's.
SCHEDULE_FIELDS = ("at", "weekdays", "time_zone")
AFTERNOON = time(15, 0)


class DigestForm(forms.ModelForm):  # type: ignore[type-arg]
    """A digest, at what time, on which days, on whose clock."""

    at = forms.TimeField(
        label="Time of day",
        input_formats=["%H:%M", "%H:%M:%S", "%I:%M %p", "%I %p"],
        widget=UnfoldAdminTextInputWidget(attrs={"type": "time"}),
        error_messages={"invalid": "Write the time as in 15:00 or 3:00 PM."},
    )
    weekdays = forms.MultipleChoiceField(
        label="On",
        choices=WEEK,
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
        error_messages={"required": "Choose at least one day; to stop the digest for a while, pause it."},
    )
    time_zone = forms.CharField(label="Time zone", widget=ZoneSelect())
    in_recipients_zone = forms.TypedChoiceField(
        label="Whose clock",
        choices=[(False, "One for all: the zone above"), (True, "Each recipient's own, as far as it is known")],
        coerce=lambda said: said == "True",
        initial=False,
        widget=UnfoldAdminRadioSelectWidget(),
    )

    sources = forms.MultipleChoiceField(
        label="Ask for items",
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
        help_text="Functions of this project's apps, called each time right before the digest is planned.",
    )

    class Meta:
        model = Digest
        fields = (
            "name",
            "slug",
            "list",
            "template",
            "in_recipients_zone",
            "weekly_on",
            "catch_up_hours",
            "spread_minutes",
            "send_when_empty",
            "max_items",
            "more_url",
            "sources",
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """The schedule's present values are the fields' initial ones; a crontab that says more has no such fields."""
        super().__init__(*args, **kwargs)
        if "sources" in self.fields:
            self.fields["sources"].choices = source_choices(self.instance)  # type: ignore[attr-defined]
        schedule = shown_schedule(self.instance)
        if schedule is None:
            for name in SCHEDULE_FIELDS:
                self.fields.pop(name, None)
        elif "at" in self.fields:
            self.fields["time_zone"].widget.choices = zone_choices()
            days = days_of(schedule.weekdays)
            values = {"at": f"{schedule.at:%H:%M}", "weekdays": days, "time_zone": schedule.time_zone}
            self.initial = {**values, **self.initial}

    def clean_time_zone(self) -> str:
        """A zone that there is."""
        name: str = self.cleaned_data["time_zone"]
        if name not in dict(zone_choices()):
            raise ValidationError(f"{name!r} is not a time zone; choose one of the list, such as Europe/Berlin or UTC.")
        return name

    @property
    def schedule(self) -> Schedule | None:
        """What the valid form says, or None if it leaves the crontab alone."""
        if "at" not in self.fields:
            return None
        said = self.cleaned_data
        return Schedule(said["at"].replace(second=0), text_of(said["weekdays"]), said["time_zone"])


def source_choices(digest: Digest | None) -> list[tuple[str, str]]:
    """Every source that is registered, and what the digest has set though no app registers it any more."""
    known = source_names()
    gone = [name for name in (digest.sources if digest else []) if name not in known]
    return [*((name, name) for name in known), *((name, f"{name} (not registered any more)") for name in gone)]


def shown_schedule(digest: Digest | None) -> Schedule | None:
    """What the form shows: the digest's schedule, 3 PM for one without, None if that is of another shape."""
    if digest is None or digest.pk is None or digest.periodic_task is None:
        return Schedule(AFTERNOON, "*", settings.PROJECT_TIME_ZONE)
    return read_schedule(digest)
