"""A template version filled with its own sample, for its author's eyes."""

from mailer.models import TemplateVersion
from mailer.templating.check import check_sources
from mailer.templating.compose import Rendered
from mailer.templating.plain_data import hydrate


def render_sample(version: TemplateVersion) -> Rendered:
    """The version as a mail to the person in its sample. Raises TemplateError."""
    return check_sources(version.subject, version.html, version.text, hydrate(version.sample))
