"""Loads the demo (a list, people in many time zones, today's items, a digest at 15:00) and sends it once a day."""

import json
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from environs import Env

from mailer.models import Digest, DigestItem, EmailTemplate, Recipient, RecipientList, Subscription, Suppression
from mailer.scheduling.planning import NothingToSend, plan_now
from mailer.scheduling.schedules import Schedule, set_schedule
from mailer.waking import wake_mailing

_SAYS = __doc__  # in the class, __doc__ is the class's


class Command(BaseCommand):
    """`manage.py load_demo`."""

    help = _SAYS

    def handle(self, *args: Any, **options: Any) -> None:
        """Make what is not there yet. Raises CommandError."""
        demo = json.loads((settings.BASE_DIR / "config" / "local" / "demo.json").read_text(encoding="utf-8"))
        now = timezone.now()
        _make_admin()
        mailing_list, _ = RecipientList.objects.get_or_create(slug="demo", defaults=demo["list"])
        _make_recipients(mailing_list, demo["people"])
        _make_items(mailing_list, demo["items"], now)
        digest = _make_digest(mailing_list)
        try:
            mailing = plan_now(digest, now, key=f"demo-{now:%Y-%m-%d}")
        except NothingToSend as error:
            raise CommandError(str(error)) from error
        if not mailing.final:
            wake_mailing(mailing.pk)
        self.stdout.write(f"Today's demo digest is mailing {mailing.pk}.")


def _make_admin() -> None:
    password = Env().str("ADMIN_PASSWORD", "")
    users = get_user_model().objects
    if password and not users.filter(username="admin").exists():
        users.create_superuser("admin", "admin@example.com", password)


def _make_recipients(mailing_list: RecipientList, people: list[list[str]]) -> None:
    """Each of the people is name, address, time zone, language."""
    known = set(Recipient.objects.filter(email__in=[person[1] for person in people]).values_list("email", flat=True))
    new = Recipient.objects.bulk_create(
        [
            Recipient(name=name, email=email, time_zone=zone, language=language)
            for name, email, zone, language in people
            if email not in known
        ]
    )
    Subscription.objects.bulk_create(
        [Subscription(list=mailing_list, recipient=recipient, source="demo") for recipient in new]
    )
    for recipient in new[-2:]:
        Suppression.objects.get_or_create(
            email=recipient.email, defaults={"reason": Suppression.Reason.HARD_BOUNCE, "note": "part of the demo"}
        )


def _make_items(mailing_list: RecipientList, items: list[dict[str, str]], now: datetime) -> None:
    """Today's items, told over the last hours."""
    for number, item in enumerate(items):
        published = now - timedelta(minutes=17 * (len(items) - number))
        DigestItem.objects.get_or_create(
            list=mailing_list, external_id=f"demo-{now:%Y-%m-%d}-{number}", defaults={**item, "published_at": published}
        )


def _make_digest(mailing_list: RecipientList) -> Digest:
    template = EmailTemplate.objects.filter(slug="digest").first()
    if template is None:
        raise CommandError("There is no template 'digest' yet; run manage.py sync_templates.")
    digest, is_new = Digest.objects.get_or_create(
        slug="demo", defaults={"name": mailing_list.name, "list": mailing_list, "template": template}
    )
    if is_new:
        set_schedule(digest, Schedule(time(15), "*", ZoneInfo(settings.PROJECT_TIME_ZONE).key))
    return digest
