"""From the folders in templates/emails/ to versions in the database."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import transaction

from mailer.models import EmailTemplate, TemplateVersion
from mailer.templating.authoring import PutTogether, Written, add_version, emails_root, put_together
from mailer.templating.check import check_sources
from mailer.templating.plain_data import hydrate
from mailer.templating.sandbox import TemplateError

_NOTE = "synced from files"


@dataclass(frozen=True)
class Sources:
    """A template folder's files: a mail in its first language (the empty one) and in others."""

    languages: dict[str, Written]
    sample: dict[str, Any]


@dataclass(frozen=True)
class Synced:
    """The version that was made, and whether new mailings send it."""

    version: TemplateVersion
    is_in_use: bool


def sync_folder(folder: Path) -> Synced | None:
    """Make a version of the template named like the folder if its files differ from what they were the last time.

    Where an author's own version is in use, the new one is only kept beside it. Returns None where nothing changed.
    Raises TemplateError, with the folder's name, for a missing file or anything that `check_sources` refuses; then
    nothing is stored.
    """
    try:
        sources = read_sources(folder)
        together = {name: put_together(written, folder.parent) for name, written in sources.languages.items()}
        for each in together.values():
            check_sources(*each.parts, hydrate(sources.sample))
    except (TemplateError, OSError, json.JSONDecodeError) as error:
        raise TemplateError(f"templates/emails/{folder.name}: {error}") from error
    with transaction.atomic():
        template, _ = EmailTemplate.objects.get_or_create(slug=folder.name, defaults={"name": folder.name.capitalize()})
        version = _version(template, sources, together)
        last = template.versions.filter(from_files=True).order_by("-number").first()
        if last and _says(last) == _says(version):
            return None
        own = template.in_use is not None and not template.in_use.from_files
        return Synced(add_version(version, use=not own), is_in_use=not own)


def template_folders(root: Path | None = None) -> list[Path]:
    """The folders that each hold one mail; those that begin with `_` hold layouts."""
    root = root or emails_root()
    return sorted(folder for folder in root.iterdir() if folder.is_dir() and not folder.name.startswith(("_", ".")))


def read_sources(folder: Path) -> Sources:
    """The folder's files, and those of its folder for each translation. Raises OSError or json.JSONDecodeError."""
    translations = sorted(each for each in folder.iterdir() if each.is_dir() and not each.name.startswith((".", "_")))
    return Sources(
        languages={"": _read(folder)} | {each.name: _read(each) for each in translations},
        sample=json.loads((folder / "sample.json").read_text(encoding="utf-8")),
    )


def _read(folder: Path) -> Written:
    text = folder / "body.txt"
    return Written(
        subject=(folder / "subject.txt").read_text(encoding="utf-8").strip(),
        html=(folder / "body.html").read_text(encoding="utf-8"),
        text=text.read_text(encoding="utf-8") if text.exists() else "",
    )


def _version(template: EmailTemplate, sources: Sources, together: dict[str, PutTogether]) -> TemplateVersion:
    subject, html, text = together[""].parts
    return TemplateVersion(
        template=template,
        subject=subject,
        html=html,
        text=text,
        sample=sources.sample,
        translations={name: each.parts._asdict() for name, each in together.items() if name},
        written={name: {"html": each.html, "text": each.text} for name, each in sources.languages.items()},
        note=_NOTE,
        from_files=True,
    )


def _says(version: TemplateVersion) -> tuple[Any, ...]:
    return version.parts(), version.translations, version.sample
