"""The filters above the delivery log, read from the address of the page."""

from collections.abc import Mapping
from typing import Any

from django import forms

from mailer.admin.base import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget
from mailer.insight.log_filters import LogFilter
from mailer.models import Delivery, RecipientList

#: How other pages name the filters, as Django's own lists do.
_ALSO = {
    "mailing__id__exact": "mailing",
    "status__exact": "state",
    "list__id__exact": "list",
    "id__gte": "first",
    "id__lte": "last",
}
_STATES = [("", "Any state"), *Delivery.Status.choices]
_REASONS = [("", "Any reason"), *((reason, label) for reason, label in Delivery.Reason.choices if reason)]


def _number() -> UnfoldAdminTextInputWidget:
    return UnfoldAdminTextInputWidget(attrs={"inputmode": "numeric"})


class LogForm(forms.Form):
    """What of the log is wanted; all of it can be left empty."""

    q = forms.CharField(label="Whole address", required=False, max_length=254, widget=UnfoldAdminTextInputWidget)
    day = forms.DateField(required=False, widget=UnfoldAdminTextInputWidget(attrs={"type": "date"}))
    list = forms.ModelChoiceField(
        RecipientList.objects.all(), required=False, empty_label="Any list", widget=UnfoldAdminSelectWidget
    )
    mailing = forms.IntegerField(label="Mailing number", required=False, min_value=1, widget=_number())
    state = forms.ChoiceField(required=False, choices=_STATES, widget=UnfoldAdminSelectWidget)
    reason = forms.ChoiceField(required=False, choices=_REASONS, widget=UnfoldAdminSelectWidget)
    domain = forms.CharField(required=False, max_length=254, widget=UnfoldAdminTextInputWidget)
    code = forms.IntegerField(label="SMTP code", required=False, min_value=200, max_value=599, widget=_number())
    person = forms.IntegerField(required=False, widget=forms.HiddenInput)
    first = forms.IntegerField(required=False, widget=forms.HiddenInput)
    last = forms.IntegerField(required=False, widget=forms.HiddenInput)

    @property
    def wanted(self) -> LogFilter:
        """The filters; those that could not be read ask for nothing, and the form says why."""
        found: dict[str, Any] = self.cleaned_data
        chosen = found.get("list")
        return LogFilter(
            day=found.get("day"),
            list_id=chosen.pk if chosen else None,
            mailing_id=found.get("mailing"),
            status=found.get("state") or "",
            reason=found.get("reason") or "",
            domain=found.get("domain") or "",
            smtp_code=found.get("code"),
        )

    @property
    def batch(self) -> tuple[int, int] | None:
        """The first and last id of one batch's deliveries, if a link asks for these."""
        first, last = self.cleaned_data.get("first"), self.cleaned_data.get("last")
        return (first, last) if first is not None and last is not None else None


def read_form(given: Mapping[str, Any]) -> LogForm:
    """The form as the address fills it."""
    form = LogForm({_ALSO.get(name, name): value for name, value in given.items()})
    form.is_valid()
    return form
