"""What a template asks for besides what each mail knows, read from its sample: the fields of an announcement's form."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.template.defaulttags import IfNode

from mailer.models import TemplateVersion
from mailer.templating.compile import compile_sources
from mailer.templating.personal import asked_names
from mailer.templating.sandbox import MailTemplate, TemplateError, walk

#: What every mail to a list has without being told.
KNOWN = frozenset({"recipient", "links", "list", "date", "language", "direction", "late"})
#: A sample longer than this, or of several lines, is typed into a larger box.
ONE_LINE = 80


@dataclass(frozen=True)
class OwnField:
    """A variable of the template that whoever writes the announcement fills in."""

    name: str
    kind: str  #: text, long, url, number or yes
    example: str
    required: bool

    @property
    def label(self) -> str:
        """`button_text` as `Button text`."""
        return self.name.replace("_", " ").capitalize()


def own_fields(version: TemplateVersion) -> list[OwnField]:
    """The version's own variables in its sample's order; what it asks about in an `{% if %}` may stay empty.

    Raises TemplateError for a template that can't be compiled, or that is not plain.
    """
    own = _own(version)
    if not is_plain(version):
        raise TemplateError(f"{version.template} needs more than plain values, as a digest's template does.")
    compiled = compile_sources(version.subject, version.html, version.text)
    asked = {name for part in (compiled.subject, compiled.html, compiled.text) for name in _asked_about(part)}
    return [
        OwnField(name, _kind(name, value), str(value), required=name not in asked and value != "")
        for name, value in own.items()
    ]


def is_plain(version: TemplateVersion) -> bool:
    """Whether all that the version asks for can be typed into a form."""
    return all(isinstance(value, str | int | float) for value in _own(version).values())


def _own(version: TemplateVersion) -> dict[str, Any]:
    return {name: value for name, value in version.sample.items() if name not in KNOWN}


def _asked_about(template: MailTemplate) -> Iterator[str]:
    """The names in the template's conditions."""
    for node in walk(template.nodelist):
        if isinstance(node, IfNode):
            yield from asked_names(node)


def _kind(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "yes"
    if isinstance(value, int | float):
        return "number"
    if name.endswith("url"):
        return "url"
    return "long" if "\n" in value or len(value) > ONE_LINE else "text"
