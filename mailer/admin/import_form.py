"""The forms of an import: which file for which list, and what its columns mean."""

from typing import Any

from django import forms

from mailer.admin.base import (
    UnfoldAdminFileFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)
from mailer.audience.csv_file import DELIMITERS, ENCODINGS, Look
from mailer.audience.layout import ATTRIBUTE, FIELDS
from mailer.models import Import, RecipientList

_YES_NO = [("yes", "a heading"), ("no", "data")]
#: Characters that can be pasted.
MOST_PASTED = 1_000_000


class UploadForm(forms.Form):
    """A file, or addresses, for a list."""

    list = forms.ModelChoiceField(RecipientList.objects.order_by("name"), widget=UnfoldAdminSelectWidget())
    file = forms.FileField(required=False, allow_empty_file=True, widget=UnfoldAdminFileFieldWidget())
    addresses = forms.CharField(required=False, max_length=MOST_PASTED, widget=UnfoldAdminTextareaWidget())

    def clean(self) -> dict[str, Any]:
        """One of the two."""
        cleaned: dict[str, Any] = super().clean() or {}
        if self.errors:
            return cleaned
        if bool(cleaned.get("file")) == bool(cleaned.get("addresses")):
            raise forms.ValidationError("Choose a file, or paste addresses; one of the two.")
        return cleaned


class LayoutForm(forms.Form):
    """The form of a file and the meanings of its columns."""

    encoding = forms.ChoiceField(choices=list(ENCODINGS.items()), widget=UnfoldAdminSelectWidget())
    delimiter = forms.ChoiceField(choices=list(DELIMITERS.items()), widget=UnfoldAdminSelectWidget())
    first_line = forms.ChoiceField(choices=_YES_NO, label="The first line is", widget=UnfoldAdminSelectWidget())

    def __init__(self, look: Look, imported: Import, data: Any = None) -> None:
        """Filled with what is known; one choice a column."""
        first_line = "yes" if imported.has_heading else "no"
        initial = {"encoding": imported.encoding, "delimiter": imported.delimiter, "first_line": first_line}
        super().__init__(data, initial=initial)
        self.columns = []
        for index, heading in enumerate(look.heading):
            meaning = imported.meanings[index] if index < len(imported.meanings) else ""
            field = forms.ChoiceField(
                choices=_choices(heading, meaning), required=False, initial=meaning, widget=UnfoldAdminSelectWidget()
            )
            field.widget.attrs["aria-label"] = f"Meaning of column {index + 1}, {heading}"
            self.fields[f"column{index}"] = field
            cells = [row[index][:60] if index < len(row) else "" for row in look.sample[:5]]
            self.columns.append((heading, self[f"column{index}"], cells))

    def meanings(self) -> list[str]:
        """Of each column, as chosen."""
        return [self.cleaned_data[f"column{index}"] for index in range(len(self.columns))]

    def clean(self) -> dict[str, Any]:
        """One column is the address, and no two mean the same."""
        cleaned: dict[str, Any] = super().clean() or {}
        chosen = [cleaned.get(f"column{index}", "") for index in range(len(self.columns))]
        if "email" not in chosen:
            raise forms.ValidationError("Say which column holds the address.")
        twice = {meaning for meaning in chosen if meaning and chosen.count(meaning) > 1}
        if twice:
            names = ", ".join(sorted(FIELDS.get(meaning, meaning.removeprefix(ATTRIBUTE)) for meaning in twice))
            raise forms.ValidationError(f"Two columns mean the same: {names}.")
        return cleaned


class StartForm(forms.Form):
    """The last word before the people are on the list."""

    resubscribe = forms.BooleanField(required=False)
    reason = forms.CharField(required=False, max_length=200, widget=UnfoldAdminTextInputWidget())

    def clean(self) -> dict[str, Any]:
        """Nobody is subscribed again without a reason."""
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("resubscribe") and not cleaned.get("reason"):
            raise forms.ValidationError("Say why those who have unsubscribed are to get mail again.")
        return cleaned


def _choices(heading: str, meaning: str) -> list[tuple[str, str]]:
    name = meaning.removeprefix(ATTRIBUTE) if meaning.startswith(ATTRIBUTE) else heading.strip().lower()
    attribute = [(f"{ATTRIBUTE}{name}", f"Attribute “{name[:40]}”")] if name else []
    return [("", "Leave out"), *attribute, *FIELDS.items()]
