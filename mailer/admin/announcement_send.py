"""The last page before an announcement goes: now or at a time, and, for many people, how many they are."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError

from mailer.admin.base import UnfoldAdminTextInputWidget, ZoneSelect, zone_choices
from mailer.admin.second_look import is_number, needs_second_look
from mailer.audience.tally import Tally

NOW, LATER = "now", "later"


class SendForm(forms.Form):
    """When it goes, and the second look."""

    when = forms.ChoiceField(choices=[(NOW, "Now"), (LATER, "At a time")], widget=forms.RadioSelect, initial=NOW)
    day = forms.DateField(required=False, widget=UnfoldAdminTextInputWidget(attrs={"type": "date"}))
    at = forms.TimeField(required=False, widget=UnfoldAdminTextInputWidget(attrs={"type": "time"}))
    time_zone = forms.ChoiceField(required=False, widget=ZoneSelect())
    shown = forms.CharField(required=False, widget=forms.HiddenInput)
    typed = forms.CharField(required=False, widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "numeric"}))

    def __init__(self, *args: Any, tally: Tally, now: datetime, **kwargs: Any) -> None:
        """For an audience that was counted so far; `now` is what a time must lie after."""
        super().__init__(*args, **kwargs)
        self.fields["time_zone"].choices = zone_choices()  # type: ignore[attr-defined]
        self.fields["time_zone"].initial = settings.PROJECT_TIME_ZONE
        self.fields["shown"].initial = str(tally.total) if tally.is_whole else ""
        self._tally, self._now = tally, now

    @property
    def second_look(self) -> bool:
        """Whether the number of people must be typed."""
        return needs_second_look(self._tally.total, self._tally.is_whole)

    @property
    def send_at(self) -> datetime:
        """When it goes, of the valid form."""
        at: datetime = self.cleaned_data["send_at"]
        return at

    def clean(self) -> dict[str, Any]:
        """A time to come, and the number where it is asked for."""
        said: dict[str, Any] = super().clean() or self.cleaned_data
        said["send_at"] = self._moment(said) if said.get("when") == LATER else self._now
        said["time_zone"] = said.get("time_zone") or settings.PROJECT_TIME_ZONE
        if self.second_look:
            self._check_number(said)
        return said

    def _moment(self, said: dict[str, Any]) -> datetime | None:
        day, at, zone = said.get("day"), said.get("at"), said.get("time_zone")
        if not (day and at and zone):
            self.add_error("day", "Say the day, the time and the time zone.")
            return None
        moment = datetime.combine(day, at, ZoneInfo(zone))
        if moment <= self._now - timedelta(minutes=1):
            self.add_error("day", "That has gone by; choose a time to come, or Now.")
        return moment

    def _check_number(self, said: dict[str, Any]) -> None:
        expected = self._tally.total if self._tally.is_whole else said.get("shown", "")
        if not expected:
            raise ValidationError("They are not all counted yet. Wait for the count, or count to the end.")
        if not is_number(said.get("typed", ""), expected):
            self.add_error("typed", f"Type the number of people, {int(expected):,}, to say that you have seen it.")
