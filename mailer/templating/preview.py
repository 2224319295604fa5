"""A mail filled with its own sample, for its author's eyes: a stored version's, or one that is still being written."""

from collections.abc import Iterator, Mapping
from typing import Any

from mailer.models import TemplateVersion
from mailer.models.templates import Parts
from mailer.templating.authoring import Edit, put_together
from mailer.templating.check import check_sources
from mailer.templating.compose import Rendered
from mailer.templating.conditions import decide
from mailer.templating.contexts import language_context
from mailer.templating.plain_data import hydrate


def render_sample(version: TemplateVersion, language: str = "") -> Rendered:
    """The version, in its translation for the language, as a mail to the person in its sample. Raises TemplateError."""
    return check_sources(*version.parts(language), _sample(version.sample, version.translation_for(language)))


def parts_of(edit: Edit, held: Mapping[str, bool]) -> Parts:
    """The edit's sources, its conditions with the words in `held` decided so. Raises TemplateError."""
    return Parts(*(decide(source, held) for source in put_together(edit.written).parts))


def render_edit(edit: Edit, held: Mapping[str, bool]) -> Rendered:
    """The edit as a mail to the person in its sample. Raises TemplateError."""
    return check_sources(*parts_of(edit, held), _sample(edit.sample, edit.language))


def names_in(sample: Any, before: str = "") -> Iterator[tuple[str, str]]:
    """What a template can name: `recipient.first_name`, and what stands there in the sample; a list's by its first."""
    for name, value in sample.items():
        path = f"{before}{name}"
        if isinstance(value, dict):
            yield from names_in(value, f"{path}.")
        elif isinstance(value, list):
            yield path, f"{len(value)} of them"
            if value and isinstance(value[0], dict):
                yield from names_in(value[0], f"{path}.0.")
        else:
            yield path, str(value)


def _sample(sample: dict[str, Any], language: str) -> dict[str, Any]:
    hydrated: dict[str, Any] = hydrate(sample)
    return hydrated | language_context(language) if language else hydrated
