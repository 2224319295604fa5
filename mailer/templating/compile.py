"""From a template version's sources to something that can be filled: CSS inlined once, sources parsed once."""

from dataclasses import dataclass
from functools import lru_cache

from mailer.templating.inlining import check_source, inline_source, reasons_to_wait
from mailer.templating.sandbox import MailTemplate, parse


@dataclass(frozen=True)
class CompiledTemplate:
    """The three parts of a mail, ready to be composed."""

    subject: MailTemplate
    html: MailTemplate
    text: MailTemplate
    inlined_late: tuple[str, ...] = ()  #: why its CSS is inlined in each mail and not here; empty: it is


@lru_cache(maxsize=64)
def compile_sources(subject: str, html: str, text: str) -> CompiledTemplate:
    """The sources with their CSS inlined, parsed. Raises TemplateError with the part and the line of the fault."""
    parsed = parse(html, "body.html")  # before inlining, so that the line is the author's
    check_source(html)
    reasons = tuple(reasons_to_wait(html))
    return CompiledTemplate(
        subject=parse(subject, "subject.txt"),
        html=parsed if reasons else parse(inline_source(html), "body.html"),
        text=parse(text, "body.txt"),
        inlined_late=reasons,
    )
