"""From the folders in templates/emails/ to versions in the database."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from mailer.models import EmailTemplate, TemplateVersion
from mailer.templating.check import check_sources
from mailer.templating.flatten import flatten
from mailer.templating.plain_data import hydrate
from mailer.templating.sandbox import TemplateError


@dataclass(frozen=True)
class Sources:
    """A template folder's files, layout put in."""

    subject: str
    html: str
    text: str
    sample: dict[str, Any]


def sync_folder(folder: Path) -> TemplateVersion | None:
    """Make a version of the template named like the folder if its files differ from the latest one.

    Returns the new version, or None where nothing changed. Raises TemplateError, with the folder's name, for a missing
    file or anything that `check_sources` refuses; then nothing is stored.
    """
    try:
        sources = read_sources(folder)
        check_sources(sources.subject, sources.html, sources.text, hydrate(sources.sample))
    except (TemplateError, OSError, json.JSONDecodeError) as error:
        raise TemplateError(f"templates/emails/{folder.name}: {error}") from error
    with transaction.atomic():
        template, _ = EmailTemplate.objects.get_or_create(slug=folder.name, defaults={"name": folder.name.capitalize()})
        latest = template.versions.order_by("-number").first()
        if latest and Sources(latest.subject, latest.html, latest.text, latest.sample) == sources:
            return None
        return TemplateVersion.objects.create(
            template=template,
            number=latest.number + 1 if latest else 1,
            subject=sources.subject,
            html=sources.html,
            text=sources.text,
            sample=sources.sample,
            note="synced from files",
        )


def template_folders(root: Path | None = None) -> list[Path]:
    """The folders that each hold one mail; those that begin with `_` hold layouts."""
    root = root or settings.BASE_DIR / "templates" / "emails"
    return sorted(folder for folder in root.iterdir() if folder.is_dir() and not folder.name.startswith(("_", ".")))


def read_sources(folder: Path) -> Sources:
    """The four files of a template folder. Raises OSError, json.JSONDecodeError or TemplateError."""
    return Sources(
        subject=(folder / "subject.txt").read_text(encoding="utf-8").strip(),
        html=flatten(folder / "body.html", folder.parent),
        text=flatten(folder / "body.txt", folder.parent),
        sample=json.loads((folder / "sample.json").read_text(encoding="utf-8")),
    )
