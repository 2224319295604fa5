"""A template version filled with its own sample, for its author's eyes."""

import re
from datetime import date, datetime
from typing import Any

from mailer.models import TemplateVersion
from mailer.templating.check import check_sources
from mailer.templating.compose import Rendered

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_DATETIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2})?(Z|[+-]\d{2}:\d{2})?")


def render_sample(version: TemplateVersion) -> Rendered:
    """The version as a mail to the person in its sample. Raises TemplateError."""
    return check_sources(version.subject, version.html, version.text, hydrate(version.sample))


def hydrate(value: Any) -> Any:
    """A sample from JSON with its ISO dates and times as date and datetime, as a real context has them."""
    if isinstance(value, dict):
        return {name: hydrate(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [hydrate(inner) for inner in value]
    if isinstance(value, str) and _DATE.fullmatch(value):
        return date.fromisoformat(value)
    if isinstance(value, str) and _DATETIME.fullmatch(value):
        return datetime.fromisoformat(value)
    return value
