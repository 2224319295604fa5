"""From what an author wrote to a version that can be sent: the layout put in, the text part made, a number given."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from mailer.models import EmailTemplate, TemplateVersion
from mailer.models.templates import Parts
from mailer.templating.flatten import Flattened, flatten
from mailer.templating.inlining import check_source
from mailer.templating.text_part import text_of

HTML_NAME, TEXT_NAME = "body.html", "body.txt"


@dataclass(frozen=True)
class Written:
    """A mail in one language as its author wrote it: its layout is only named, and its text part may be left out."""

    subject: str
    html: str
    text: str = ""


@dataclass(frozen=True)
class PutTogether:
    """The same with its layout in it, and where each line comes from."""

    subject: str
    html: Flattened
    text: Flattened
    is_text_made: bool  #: from the HTML

    @property
    def parts(self) -> Parts:
        """As a version stores it."""
        return Parts(self.subject, self.html.text, self.text.text)


@dataclass(frozen=True)
class Edit:
    """What is to become the next version: one language's sources, and what all languages share."""

    written: Written
    sample: dict[str, Any]
    note: str = ""
    language: str = ""  #: empty: the first one, which everybody gets for whom there is no translation


def emails_root() -> Path:
    """Where the shipped mails and the layouts are."""
    return Path(settings.BASE_DIR) / "templates" / "emails"


def put_together(written: Written, root: Path | None = None) -> PutTogether:
    """The sources in their layout, the text made from the HTML where none was written. Raises TemplateError."""
    html = flatten(written.html, HTML_NAME, root or emails_root())
    check_source(html.text)
    made = not written.text.strip()
    text = flatten(text_of(html.text) if made else written.text, TEXT_NAME, root or emails_root())
    return PutTogether(" ".join(written.subject.split()), html, text, made)


def written_in(version: TemplateVersion, language: str = "") -> Written:
    """What the version's author wrote in this very language, to go on from."""
    parts = version.parts(language)
    kept = version.written.get(language, {})
    return Written(parts.subject, kept.get("html", parts.html), kept.get("text", parts.text))


def save_version(
    template: EmailTemplate, base: TemplateVersion | None, edit: Edit, author: Any, use: bool
) -> TemplateVersion:
    """Store the edit as the template's next version, the other languages as they are in `base`.

    With `use`, or where the template has no other version, new mailings send it from now on. Raises TemplateError.
    """
    parts = put_together(edit.written).parts
    version = TemplateVersion(
        template=template,
        translations=dict(base.translations) if base else {},
        written=dict(base.written) if base else {},
        sample=edit.sample,
        note=edit.note,
        author=author,
    )
    first = base.parts() if base and edit.language else parts
    version.subject, version.html, version.text = first
    if edit.language:
        version.translations[edit.language] = parts._asdict()
    version.written[edit.language] = {"html": edit.written.html, "text": edit.written.text}
    return add_version(version, use)


def add_version(version: TemplateVersion, use: bool) -> TemplateVersion:
    """Give the version the next number and store it; with `use`, or as the first one, it is the one that is sent."""
    with transaction.atomic():
        template = EmailTemplate.objects.select_for_update().get(pk=version.template_id)
        newest = template.versions.order_by("-number").first()
        version.number = newest.number + 1 if newest else 1
        version.save()
        if use or newest is None:
            use_version(version)
        elif template.in_use_id is None:
            use_version(newest)
    return version


def use_version(version: TemplateVersion) -> None:
    """Let new mailings send this version. Those that are planned keep theirs."""
    EmailTemplate.objects.filter(pk=version.template_id).update(in_use=version)
