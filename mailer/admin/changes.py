"""What somebody changed, in words: written into Django's own log when a form is saved, and shown on each page."""

import json
from collections.abc import Iterable, Iterator
from datetime import datetime, time
from typing import Any

from django.contrib.admin.models import ADDITION, DELETION, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db.models import Model, Q, QuerySet
from django.forms import BaseForm, BaseModelFormSet, Field

from mailer.insight.words import when

#: Longer values are cut: the log says what changed, and keeps no second copy of a template.
MOST_LETTERS = 80
#: How many changes an object's own page shows.
MOST_SHOWN = 5


def change_in_words(form: BaseForm, formsets: "Iterable[BaseModelFormSet[Any, Any]]", add: bool) -> str:
    """What a valid form and its rows change, as in `Time of day: 15:00 → 16:00`."""
    parts = ["Added."] if add else list(_of_fields(form))
    for formset in formsets or ():
        parts += _of_rows(formset)
    return " ".join(parts) or "Saved without a change."


def changes_of(objects: Iterable[Model]) -> QuerySet[LogEntry]:
    """The log's entries on these objects, newest first."""
    about = Q(pk=None)
    for one in objects:
        about |= Q(content_type=ContentType.objects.get_for_model(one), object_id=str(one.pk))
    return LogEntry.objects.filter(about).select_related("user", "content_type").order_by("-id")


def entry_in_words(entry: LogEntry) -> str:
    """What was done, as it was written down."""
    done = {ADDITION: "Added.", DELETION: "Deleted."}.get(entry.action_flag, "")
    return str(entry.get_change_message()) or done


def value_in_words(value: Any, field: Field | None = None) -> str:
    """A form's value as people read it, cut at MOST_LETTERS; a dash for none."""
    text = " ".join(_text_of(value, field).split())
    return f"{text[:MOST_LETTERS]}…" if len(text) > MOST_LETTERS else text or "–"


def _of_fields(form: BaseForm) -> Iterator[str]:
    for name in form.changed_data:
        if "password" in name:
            yield "Password: changed."
            continue
        field, label = form.fields[name], form[name].label or name
        before, after = _before(form, name), form.cleaned_data.get(name)
        was, now = value_in_words(before, field), value_in_words(after, field)
        if was != now:
            yield f"{label}: {was} → {now.removesuffix('.')}."
        elif str(before) != str(after):
            yield f"{label}: changed, not at its beginning."


def _of_rows(formset: "BaseModelFormSet[Any, Any]") -> Iterator[str]:
    name = formset.model._meta.verbose_name if formset.model else "row"
    for row in formset.new_objects:
        yield f"Added {name} {row}."
    for row in formset.deleted_objects:
        yield f"Removed {name} {row}."
    changed = {row.pk for row, _ in formset.changed_objects}
    for form in formset.initial_forms:
        if form.instance.pk in changed:
            yield f"Changed {name} {form.instance}: {' '.join(_of_fields(form))}"


def _before(form: BaseForm, name: str) -> Any:
    """The value that the form began with, as the field understands it."""
    initial = form.get_initial_for_field(form.fields[name], name)
    try:
        return form.fields[name].to_python(initial)
    except (ValidationError, TypeError):
        return initial  # of a choice that is gone, or of several


def _text_of(value: Any, field: Field | None) -> str:
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return when(value)
    if isinstance(value, time):
        return f"{value:%H:%M}"
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False) if value else ""
    if isinstance(value, list | tuple | set | QuerySet):
        return ", ".join(_text_of(one, field) for one in value)
    return _label_of(value, field)


def _label_of(value: Any, field: Field | None) -> str:
    """What the form shows for a choice; the value itself where there is none."""
    choices = getattr(field, "choices", None)
    if choices is None or isinstance(value, Model) or hasattr(field, "queryset"):
        return str(value)
    labels = {str(key): str(label) for key, label in choices if not isinstance(label, list | tuple)}
    return labels.get(str(value), str(value))
