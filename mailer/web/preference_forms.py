"""What the preferences page asks."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.conf.locale import LANG_INFO
from django.core.exceptions import ValidationError
from django.utils import timezone

from mailer.feedback.preferences import Wish
from mailer.models import Recipient, RecipientList, Subscription
from mailer.models.zones import known_time_zones

#: The first part of the names that people know; the others are old names and offsets.
REGIONS = (
    "Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific",
)  # fmt: skip
LONGEST_PAUSE = timedelta(days=2 * 365)
Status = Subscription.Status


class ListForm(forms.Form):
    """One list: whether, how often, and a pause."""

    wanted = forms.BooleanField(required=False)
    cadence = forms.ChoiceField(choices=Subscription.Cadence.choices, widget=forms.RadioSelect)
    paused_until = forms.DateField(required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))

    def __init__(self, said: Any, mailing_list: RecipientList, row: Subscription | None, zone: ZoneInfo) -> None:
        """`said` is what was sent, or None; `row` the person's subscription, `zone` that of their days."""
        self.list, self.row, self.zone = mailing_list, row, zone
        self.held = row.paused_until if row and row.paused_until and row.paused_until > timezone.now() else None
        initial = {
            "wanted": row is not None and row.status == Status.ACTIVE,
            "cadence": row.cadence if row else Subscription.Cadence.DAILY,
            "paused_until": self._day(self.held),
        }
        super().__init__(said, prefix=f"list-{mailing_list.pk}", initial=initial, use_required_attribute=False)

    @property
    def is_pending(self) -> bool:
        """Whether the person was asked to confirm and has not."""
        return self.row is not None and self.row.status == Status.PENDING

    def clean_paused_until(self) -> date | None:
        """A day that comes, within two years."""
        day: date | None = self.cleaned_data["paused_until"]
        today = timezone.localdate(timezone=self.zone)
        if day is not None and day != self._day(self.held) and not today < day <= today + LONGEST_PAUSE:
            raise ValidationError("Choose a day from tomorrow on, within two years; or leave it empty.")
        return day

    def wish(self) -> Wish | None:
        """What the person wants; None if that changes nothing. A pause whose day was let be ends when it would have."""
        if not self.has_changed():
            return None
        said = self.cleaned_data
        day = said["paused_until"]
        kept = self.row.paused_until if self.row else None
        if day == self._day(self.held):
            return Wish(said["wanted"], said["cadence"], kept)
        until = datetime.combine(day, time.min, self.zone) if day else None
        return Wish(said["wanted"], said["cadence"], until)

    def _day(self, moment: datetime | None) -> date | None:
        return moment.astimezone(self.zone).date() if moment else None


class AboutForm(forms.ModelForm):  # type: ignore[type-arg]
    """Name, language and time zone."""

    class Meta:
        model = Recipient
        fields = ("name", "language", "time_zone")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """The choices hold what is stored, though we would not offer it."""
        super().__init__(*args, **kwargs)
        person: Recipient = self.instance
        self.fields["language"] = forms.ChoiceField(required=False, choices=[*_languages(person.language)])
        self.fields["time_zone"] = forms.ChoiceField(required=False, choices=[*_zones(person.time_zone)])
        self.fields["name"].widget.attrs["autocomplete"] = "name"

    def clean_name(self) -> str:
        """On one line, without signs that can't be printed."""
        name = self.cleaned_data["name"]
        return " ".join("".join(sign if sign.isprintable() else " " for sign in name).split())


def _languages(stored: str) -> Iterator[tuple[str, str]]:
    yield "", "As the list has it"
    known = {code: str(info["name_local"]) for code, info in LANG_INFO.items() if "name_local" in info}
    if stored and stored not in known:
        known[stored] = stored
    for code, name in sorted(known.items(), key=lambda pair: pair[1].casefold()):
        yield code, f"{name[0].upper()}{name[1:]}"


def _zones(stored: str) -> Iterator[tuple[str, str | list[tuple[str, str]]]]:
    yield "", "As the list has it"
    known = known_time_zones()
    for region in REGIONS:
        names = sorted(name for name in known if name.startswith(f"{region}/"))
        yield region, [(name, _place(name)) for name in names]
    others = {"UTC", stored} - {""}
    yield "Other", [(name, name) for name in sorted(others) if name.partition("/")[0] not in REGIONS]


def _place(zone: str) -> str:
    """`America/Argentina/Buenos_Aires` → `Argentina, Buenos Aires`."""
    return ", ".join(zone.split("/")[1:]).replace("_", " ")


def are_valid(forms_sent: Iterable[forms.BaseForm]) -> bool:
    """Whether all of them are; each is asked, so that each shows what is wrong with it."""
    return not [form for form in forms_sent if not form.is_valid()]
