"""One letter as one person would get it, before anything is planned: for staff's eyes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mailer.models import Mailing
from mailer.templating.compile import compile_sources
from mailer.templating.compose import Rendered, compose
from mailer.templating.contexts import Person, mailing_context, personal_context, still_links
from mailer.templating.markup import body_of

#: Who a letter is shown to where nobody is named.
SOMEBODY = Person(0, "somebody@example.com", "Some Body")
#: As much of a mail's beginning as inboxes show beside its subject.
PREHEADER_LENGTH = 110
# What mails put after their preheader, so that nothing of the body is shown there.
_FILLING = dict.fromkeys(map(ord, "\u034f\u200c\u200b\u200d\u00ad\ufeff"))


@dataclass(frozen=True)
class Letter:
    """A mail and how an inbox shows it before it is opened."""

    mail: Rendered
    preheader: str


def preview_letter(mailing: Mailing, items: Sequence[dict[str, Any]], person: Person) -> Letter:
    """The mailing's letter, with these items, to the person.

    The mailing need not be saved. Its links look as they will and do nothing. Raises TemplateError.
    """
    version = mailing.pinned
    compiled = compile_sources(*version.parts(person.language))
    links = still_links(mailing, "preview")
    language = version.translation_for(person.language)
    context = mailing_context(mailing, items, language) | {"links": links.there()}
    mail = compose(compiled, context).merge(personal_context(person, links))
    return Letter(mail, find_preheader(mail))


def find_preheader(mail: Rendered) -> str:
    """The words that an inbox shows after the subject: the mail's hidden first line, or else how it begins."""
    for element in body_of(mail.html).iter():
        if "display:none" in str(element.get("style", "")).replace(" ", ""):
            return _shortened(str(element.text_content()))
    return _shortened(mail.text)


def _shortened(text: str) -> str:
    words = " ".join(text.translate(_FILLING).split())
    return words if len(words) <= PREHEADER_LENGTH else f"{words[: PREHEADER_LENGTH - 1]}…"
