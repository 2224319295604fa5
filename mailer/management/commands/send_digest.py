"""Sends a digest at once, outside its schedule, as a mailing of its own."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from mailer.management.commands._arguments import digest_of
from mailer.scheduling.planning import NothingToSend, plan_now
from mailer.waking import wake_mailing

_SAYS = __doc__  # in the class, __doc__ is the class's


class Command(BaseCommand):
    """`manage.py send_digest SLUG --now`."""

    help = _SAYS

    def add_arguments(self, parser: ArgumentParser) -> None:
        """SLUG --now."""
        parser.add_argument("slug", help="the slug of a digest or of a list")
        parser.add_argument("--now", action="store_true", help="required: say that you mean at once")

    def handle(self, *args: Any, **options: Any) -> None:
        """Plan the mailing and wake the workers. Raises CommandError."""
        digest = digest_of(options["slug"])
        if not options["now"]:
            raise CommandError(f"{digest.slug} goes out by its schedule; say --now to send it at once.")
        try:
            mailing = plan_now(digest, timezone.now())
        except NothingToSend as error:
            raise CommandError(str(error)) from error
        woken = wake_mailing(mailing.pk)
        after = "workers are on it" if woken else "the broker can't be reached; it goes out with the next tick"
        self.stdout.write(f"Mailing {mailing.pk}: {mailing.planned} deliveries planned; {after}.")
