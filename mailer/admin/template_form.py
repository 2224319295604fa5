"""What an author types in the template editor: one language's sources, a sample, and a note."""

import json
import re
from typing import Any

from django import forms

from mailer.admin.base import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget
from mailer.models import TemplateVersion
from mailer.templating.authoring import Edit, Written, written_in
from mailer.templating.faults import Fault, find_faults
from mailer.templating.plain_data import check_sample, read_sample
from mailer.templating.sandbox import TemplateError

_LANGUAGE = re.compile(r"[a-zA-Z]{2,3}(-[a-zA-Z0-9]{2,8})*")


def _source(rows: int, name: str) -> UnfoldAdminTextareaWidget:
    attributes = {"rows": rows, "class": "post-source", "spellcheck": "false", "data-source": name, "wrap": "off"}
    return UnfoldAdminTextareaWidget(attrs=attributes)


class TemplateForm(forms.Form):
    """The sources as they are typed; `faults` says all that is wrong with them."""

    subject = forms.CharField(max_length=998, widget=UnfoldAdminTextInputWidget)
    html = forms.CharField(label="HTML", strip=False, widget=_source(24, "html"))
    text = forms.CharField(label="Text", required=False, strip=False, widget=_source(12, "text"))
    sample = forms.CharField(label="Sample", widget=_source(12, "sample"))
    language = forms.CharField(required=False, max_length=35, widget=forms.HiddenInput)
    note = forms.CharField(required=False, max_length=200, widget=UnfoldAdminTextInputWidget)

    def clean_sample(self) -> dict[str, Any]:
        """A JSON object."""
        try:
            sample = read_sample(self.cleaned_data["sample"])
            if not isinstance(sample, dict):
                raise TemplateError("The sample must be a JSON object: { … }.")
            check_sample(sample)
        except TemplateError as error:
            raise forms.ValidationError(str(error)) from error
        return sample

    def clean_language(self) -> str:
        """A language's code, or nothing for the first one."""
        language: str = self.cleaned_data["language"].strip()
        if language and not _LANGUAGE.fullmatch(language):
            raise forms.ValidationError("Write a language as de or pt-BR.")
        return language

    @property
    def edit(self) -> Edit:
        """What is to be stored. Only of a valid form."""
        found = self.cleaned_data
        written = Written(found["subject"], _with_unix_lines(found["html"]), _with_unix_lines(found["text"]))
        return Edit(written, found["sample"], found["note"], found["language"])

    @property
    def faults(self) -> list[Fault]:
        """What is wrong, errors first: with the fields, and if these can be read, with the mail."""
        if self.is_valid():
            return find_faults(self.edit.written, self.edit.sample)
        return [Fault(" ".join(map(str, told)), is_error=True, part=name) for name, told in self.errors.items()]


def filled_form(version: TemplateVersion | None, language: str) -> TemplateForm:
    """The form with what is in the version, in this language; an empty mail where there is no version."""
    if version is None:
        return TemplateForm(initial=_BEGINNING)
    written = written_in(version, language)
    sample = json.dumps(version.sample, indent=2, ensure_ascii=False)
    start = {"subject": written.subject, "html": written.html, "text": written.text}
    return TemplateForm(initial=start | {"sample": sample, "language": language})


def _with_unix_lines(text: str) -> str:
    return text.replace("\r\n", "\n")


_BEGINNING = {
    "subject": "{{ heading }}",
    "html": """{% extends "_layout/body.html" %}
{% block preheader %}{{ heading }}{% endblock %}
{% block content %}<h1 class="hd">{{ heading }}</h1>
<p class="tx">Hello{% if recipient.first_name %} {{ recipient.first_name }}{% endif %},</p>
<p class="tx">{{ message }}</p>
{% endblock %}
""",
    "text": "",
    "sample": json.dumps(
        {
            "heading": "A title",
            "message": "What this mail is about.",
            "recipient": {
                "email": "ada@example.org",
                "name": "Ada Lindqvist",
                "first_name": "Ada",
                "attributes": {"city": "Uppsala"},
            },
            "list": {"name": "Harbour Quarter", "description": ""},
            "links": {
                "unsubscribe": "https://post.example.org/u/6ZkP2xW9aLq4",
                "preferences": "https://post.example.org/p/6ZkP2xW9aLq4",
                "view": "",
            },
            "date": "2026-11-23",
            "language": "en",
            "direction": "ltr",
        },
        indent=2,
        ensure_ascii=False,
    ),
}
