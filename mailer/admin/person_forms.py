"""What staff are asked before they change something about a person."""

from datetime import datetime, time
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from mailer.models import Digest, Suppression


class NoteForm(forms.Form):
    """Why, in a few words that stay on record."""

    note = forms.CharField(max_length=180, error_messages={"required": "Say why; it stays on record."})


class SuppressForm(NoteForm):
    """Why nothing shall go to an address, and until when."""

    reason = forms.ChoiceField(choices=[pair for pair in Suppression.Reason.choices if pair[0] != "erased"])
    until = forms.DateField(required=False)

    def clean_until(self) -> datetime | None:
        """The end of the day, on the clocks that the pages show."""
        day = self.cleaned_data["until"]
        if day is None:
            return None
        moment = timezone.make_aware(datetime.combine(day, time.max))
        if moment <= timezone.now():
            raise ValidationError("That day is over; leave it empty for good.")
        return moment


class UnsubscribeForm(NoteForm):
    """From which list, or from all."""

    list = forms.IntegerField(required=False)


class EraseForm(forms.Form):
    """For what reason, and that it is meant."""

    note = forms.CharField(max_length=200, required=False)
    sure = forms.BooleanField(error_messages={"required": "Tick the box: it can't be undone."})


class WhyForm(forms.Form):
    """Which digest, on which day."""

    digest = forms.ModelChoiceField(
        Digest.objects.select_related("list", "periodic_task"), error_messages={"required": "Choose a digest."}
    )
    day = forms.DateField(required=False, error_messages={"invalid": "Write the day as in 2026-11-22."})


def problems(form: forms.Form) -> str:
    """All that is wrong with what was sent, in one line."""
    said: list[Any] = [error for errors in form.errors.values() for error in errors]
    return " ".join(map(str, said))
