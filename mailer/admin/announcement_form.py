"""The form of an announcement: to whom, and what its template asks for as fields of their own."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.forms.utils import ErrorDict
from django.utils import timezone

from mailer.admin.base import (
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldAdminURLInputWidget,
    UnfoldBooleanSwitchWidget,
)
from mailer.models import Announcement, EmailTemplate, TemplateVersion
from mailer.scheduling.announcements import draft_mailing
from mailer.templating.check import check_context
from mailer.templating.contexts import mailing_context
from mailer.templating.fields import OwnField, is_plain, own_fields
from mailer.templating.sandbox import TemplateError

#: Before the names of the template's fields, so that one called `name` is not the announcement's own.
PREFIX = "field_"
#: The button that shows another template's fields and saves nothing.
OTHER_TEMPLATE = "_template"
DEFAULT_TEMPLATE = "announcement"


class AnnouncementForm(forms.ModelForm):  # type: ignore[type-arg]
    """An announcement; `form_for` adds the fields of its template."""

    class Meta:
        model = Announcement
        fields = ("name", "template", "lists", "segment")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """The template's fields begin with what is stored of them."""
        super().__init__(*args, **kwargs)
        if "template" in self.fields:
            self.fields["template"].queryset = usable_templates()  # type: ignore[attr-defined]
        stored = self.instance.fields if self.instance.pk else {}
        self.initial = {**{f"{PREFIX}{name}": value for name, value in stored.items()}, **self.initial}

    def full_clean(self) -> None:
        """Where only other fields were asked for, nothing that is still empty is a fault."""
        super().full_clean()
        if self.is_bound and OTHER_TEMPLATE in self.data:
            self._errors = ErrorDict()
            self.add_error(None, "These are the fields of the template that you chose. Nothing is saved yet.")

    def clean(self) -> dict[str, Any]:
        """Lists or a segment, not both; and what is typed must fill the template."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("segment") and cleaned.get("lists"):
            self.add_error("segment", "Choose lists or a segment; a segment names its own list.")
        self.instance.fields = {
            name.removeprefix(PREFIX): value for name, value in cleaned.items() if name.startswith(PREFIX)
        }
        if not self.errors and cleaned.get("template"):
            self._check_filling(cleaned["template"])
        return cleaned

    def _check_filling(self, template: EmailTemplate) -> None:
        version = template.version_to_send()
        draft = Announcement(template=template, fields=self.instance.fields)
        context = mailing_context(draft_mailing(draft, None, timezone.now()), [])
        try:
            check_context(version.subject, version.html, version.text, context)
        except TemplateError as error:
            raise ValidationError(f"The template cannot be filled: {error}") from error


def form_for(template: EmailTemplate | None) -> type[AnnouncementForm]:
    """The form with a field for each variable of the template's version that is sent."""
    asked = {f"{PREFIX}{own.name}": _field(own) for own in asked_by(template)}
    return type("AnnouncementForm", (AnnouncementForm,), asked)


def asked_by(template: EmailTemplate | None) -> list[OwnField]:
    """What the template asks for; nothing where it can't be used."""
    version = template.versions.to_send().first() if template else None
    try:
        return own_fields(version) if version else []
    except TemplateError:
        return []


def usable_templates() -> QuerySet[EmailTemplate]:
    """The templates that ask for nothing but plain values."""
    versions = TemplateVersion.objects.to_send().select_related("template")
    return EmailTemplate.objects.filter(pk__in=[each.template_id for each in versions if is_plain(each)])


def _field(own: OwnField) -> forms.Field:
    said: dict[str, Any] = {"label": own.label, "required": own.required}
    if own.kind == "yes":
        return forms.BooleanField(label=own.label, required=False, widget=UnfoldBooleanSwitchWidget())
    if own.kind == "number":
        number = forms.FloatField if "." in own.example else forms.IntegerField
        return number(**said, widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "decimal"}))
    if own.kind == "url":
        return forms.URLField(**said, max_length=800, widget=UnfoldAdminURLInputWidget())
    if own.kind == "long":
        return forms.CharField(**said, max_length=20_000, widget=UnfoldAdminTextareaWidget())
    example = {"placeholder": f"such as: {own.example}"} if own.example else {}
    return forms.CharField(**said, max_length=500, widget=UnfoldAdminTextInputWidget(attrs=example))
