"""All that a template's author is told when they save: what is wrong, what could be better, and in which line."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mailer.templating.authoring import HTML_NAME, TEXT_NAME, PutTogether, Written, put_together
from mailer.templating.check import LEAVE, check_sources, unknown_variables
from mailer.templating.clients import unsupported
from mailer.templating.compose import Rendered
from mailer.templating.contrast import faint_texts
from mailer.templating.flatten import Origin
from mailer.templating.inlining import put_tags_aside, reasons_to_wait
from mailer.templating.markup import document
from mailer.templating.plain_data import check_sample, hydrate
from mailer.templating.sandbox import TemplateError, parse
from mailer.templating.text_part import text_of

#: Gmail cuts a mail's HTML at 102 KB, its ending and the link to leave with it.
LARGE_BYTES, CUT_BYTES = 80_000, 102_000
_SUBJECT = "subject"
_PLACE = re.compile(r"^(\S+?), line (\d+): (.*)$", re.DOTALL)
_ADDRESS = re.compile(r"https?://[^\s\"'<>)]+|\{\{[^{}]*\}\}")
_LEADS = re.compile(r"http|\{\{\s*(?:links\.\w|[\w.]{0,200}url)")
#: So many unknown names are told at once.
MOST_TOLD = 20
_NAME = re.compile(r"\{\{\s*([\w.]+)")


@dataclass(frozen=True)
class Fault:
    """Something about a template that its author should know."""

    words: str
    is_error: bool  #: it can't be used; otherwise it can, and should be better
    part: str = ""  #: `subject`, `body.html`, `body.txt`, or a layout's name; empty: the mail as a whole
    line: int = 0  #: in that part, from 1; 0 where it is no line's
    is_last: bool = False  #: there is no mail to show, and nothing more was looked for

    def __str__(self) -> str:
        place = ", ".join([self.part, f"line {self.line}"] if self.line else [self.part] if self.part else [])
        return f"{place}: {self.words}" if place else self.words


def find_faults(written: Written, sample: dict[str, Any]) -> list[Fault]:
    """What is wrong with the mail, errors first; with an error in a source, nothing more is looked for."""
    together = None
    try:
        check_sample(sample)
        together = put_together(written)
        if unknown := list(_unknown(together, sample)):
            return unknown
        mail = check_sources(*together.parts, hydrate(sample))
    except TemplateError as error:
        return [_told(error, together)]
    found = [*_in_source(together), *_leaving(together, mail, sample), *_in_mail(mail), *_in_text(together)]
    return sorted(found, key=lambda fault: not fault.is_error)


def _told(error: TemplateError, together: PutTogether | None) -> Fault:
    """The error, with the place that its message begins with as the author's own."""
    place = _PLACE.match(str(error))
    if not place:
        return Fault(str(error), is_error=True, is_last=True)
    part, line, words = place[1], int(place[2]), place[3]
    origins = _origins(together, part) if together else ()
    origin = origins[line - 1] if 0 < line <= len(origins) else Origin(part, line)
    return Fault(words, is_error=True, part=origin.name, line=origin.line, is_last=True)


def _sources(together: PutTogether) -> Sequence[tuple[str, str]]:
    """What was written: not the text that was made from the HTML."""
    written = ((_SUBJECT, together.subject), (HTML_NAME, together.html.text), (TEXT_NAME, together.text.text))
    return written[:2] if together.is_text_made else written


def _origins(together: PutTogether, part: str) -> Sequence[Origin]:
    return {HTML_NAME: together.html.origins, TEXT_NAME: together.text.origins}.get(part, ())


def _at(together: PutTogether, part: str, line: int) -> Origin:
    origins = _origins(together, part)
    return origins[line - 1] if line <= len(origins) else Origin(part, line)


def _unknown(together: PutTogether, sample: dict[str, Any]) -> Iterator[Fault]:
    for part, source in _sources(together):
        lines = dict(reversed(unknown_variables(parse(source, part), hydrate(sample))))
        for name, line in sorted(lines.items(), key=lambda each: each[1])[:MOST_TOLD]:
            origin = _at(together, part, line)
            words = f"{name} is not known; the sample context has no such name."
            yield Fault(words, is_error=True, part=origin.name, line=origin.line, is_last=True)


def _in_source(together: PutTogether) -> Iterator[Fault]:
    html = together.html.text
    for reason in reasons_to_wait(html):
        place = re.match(r"line (\d+): ", reason)
        origin = together.html.origins[int(place[1]) - 1] if place else Origin("", 0)
        words = reason[place.end() :] if place else reason
        told = f"{words}, so each mail's CSS is inlined by itself, some hundred times slower."
        yield Fault(told, is_error=False, part=origin.name, line=origin.line)
    for lack in unsupported(html):
        origin = together.html.origins[min(lack.line, len(together.html.origins)) - 1]
        yield Fault(f"{lack}.", is_error=False, part=origin.name, line=origin.line)
    _, protected = put_tags_aside(html)
    for image in document(protected).iter("img"):
        if image.get("alt") is None:
            origin = together.html.origins[min(image.sourceline or 1, len(together.html.origins)) - 1]
            words = 'A picture without alt says nothing where it is not shown; alt="" is right for decoration.'
            yield Fault(words, is_error=False, part=origin.name, line=origin.line)


def _leaving(together: PutTogether, mail: Rendered, sample: dict[str, Any]) -> Iterator[Fault]:
    """Mails to a list have a link to leave it; a sample that says of none that it is there is of a single mail."""
    links = sample.get("links")
    if not isinstance(links, dict):
        if LEAVE not in together.html.text:
            words = f"There is no link to unsubscribe ({{{{ {LEAVE} }}}}), so this can go to one person, not to a list."
            yield Fault(words, is_error=False, part=HTML_NAME)
        return
    leave = str(links.get("unsubscribe") or "")
    for part, text in ((HTML_NAME, mail.html), (TEXT_NAME, mail.text)):
        if leave not in text:
            yield Fault(f"There is no link to unsubscribe: {{{{ {LEAVE} }}}}.", is_error=True, part=part)


def _in_mail(mail: Rendered) -> Iterator[Fault]:
    size = len(mail.html.encode())
    if size > LARGE_BYTES:
        words = f"The HTML has {size / 1000:,.0f} KB with this sample; Gmail cuts a mail at {CUT_BYTES // 1000} KB."
        yield Fault(words, is_error=size > CUT_BYTES)
    for faint in faint_texts(mail.html) if size <= CUT_BYTES else ():
        words = (
            f"“{faint.words}” is hard to read: {faint.colour} on {faint.ground} has a contrast of {faint.ratio:.1f}:1, "
            f"{faint.needed:g}:1 is needed."
        )
        yield Fault(words, is_error=False, part=HTML_NAME)


def _in_text(together: PutTogether) -> Iterator[Fault]:
    """A text part that somebody wrote leads everywhere and names everything that the HTML does."""
    if together.is_text_made:
        return
    made, text = text_of(together.html.text), together.text.text
    for address in filter(_LEADS.match, dict.fromkeys(_ADDRESS.findall(made))):
        name = _NAME.match(address)
        if (name[1] if name else address) not in text:
            yield Fault(f"The text does not lead to {address}, the HTML does.", is_error=True, part=TEXT_NAME)
    for name_of in dict.fromkeys(_NAME.findall(made)):
        if name_of not in text:
            yield Fault(f"The text never says {{{{ {name_of} }}}}, the HTML does.", is_error=False, part=TEXT_NAME)
