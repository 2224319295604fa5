"""From a template version's sources to something that can be filled: CSS inlined once, sources parsed once."""

from dataclasses import dataclass
from functools import lru_cache

from mailer.templating.inlining import check_source, inline_source, reasons_to_wait
from mailer.templating.parser import MAX_INLINED
from mailer.templating.sandbox import MailTemplate, parse


@dataclass(frozen=True)
class CompiledTemplate:
    """The three parts of a mail, ready to be composed."""

    subject: MailTemplate
    html: MailTemplate
    text: MailTemplate
    names_attributes: bool  #: whether a recipient's attributes are read, or all that is known of one
    inlined_late: tuple[str, ...] = ()  #: why its CSS is inlined in each mail and not here; empty: it is


@lru_cache(maxsize=16)
def compile_sources(subject: str, html: str, text: str) -> CompiledTemplate:
    """The sources with their CSS inlined, parsed. Raises TemplateError with the part and the line of the fault."""
    parsed = parse(html, "body.html")  # before inlining, so that the line is the author's
    check_source(html)
    reasons = tuple(reasons_to_wait(html))
    parts = (
        parse(subject, "subject.txt"),
        parsed if reasons else parse(inline_source(html), "body.html", MAX_INLINED),
        parse(text, "body.txt"),
    )
    return CompiledTemplate(*parts, any(map(_names_attributes, parts)), reasons)


def _names_attributes(template: MailTemplate) -> bool:
    read = [variable.lookups or () for expression in template.expressions for variable in expression.variables()]
    return any("attributes" in names or names == ("recipient",) for names in read)
