"""Arguments that several commands take, checked in one place with one sentence for what is wrong."""

from pathlib import Path
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError

from mailer.models import Digest, RecipientList, validate_time_zone
from mailer.scheduling.schedules import UnknownDigest, find_digest


def mailing_list_of(slug: str) -> RecipientList:
    """The list of this slug. Raises CommandError that names those there are."""
    found = RecipientList.objects.filter(slug=slug).first()
    if found is None:
        known = (
            ", ".join(RecipientList.objects.values_list("slug", flat=True)[:10]) or "none yet; make one in the admin"
        )
        raise CommandError(f"There is no list {slug!r}. Lists: {known}.")
    return found


def digest_of(slug: str) -> Digest:
    """The digest of this slug, or of the list of this slug. Raises CommandError."""
    try:
        return find_digest(slug)
    except UnknownDigest as error:
        raise CommandError(str(error)) from error


def text_of(name: str, encoding: str = "utf-8-sig") -> str:
    """The file's text. Raises CommandError."""
    try:
        return Path(name).read_text(encoding=encoding)
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{name} can't be read: {error}") from error


def zone_of(name: str) -> ZoneInfo:
    """The time zone of this name. Raises CommandError."""
    try:
        validate_time_zone(name)
    except ValidationError as error:
        raise CommandError(" ".join(error.messages)) from error
    return ZoneInfo(name)
