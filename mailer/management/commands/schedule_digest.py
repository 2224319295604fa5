"""Says when a list's digest goes out."""

from argparse import ArgumentParser
from datetime import datetime, time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from mailer.management.commands._arguments import digest_of, zone_of
from mailer.scheduling.occurrences import InvalidSchedule
from mailer.scheduling.schedules import Schedule, next_occurrences, schedule_in_words, set_schedule

_SAYS = __doc__  # in the class, __doc__ is the class's


class Command(BaseCommand):
    """`manage.py schedule_digest LIST --at 15:00 --tz Europe/Berlin --weekdays mon-fri`."""

    help = _SAYS

    def add_arguments(self, parser: ArgumentParser) -> None:
        """LIST [--at HH:MM] [--tz ZONE] [--weekdays DAYS]."""
        parser.add_argument("list", help="the slug of a digest, or of a list (its digest is made if need be)")
        parser.add_argument("--at", default="15:00", help="time of day, default 15:00")
        parser.add_argument("--tz", default=settings.PROJECT_TIME_ZONE, help="time zone, default PROJECT_TIME_ZONE")
        parser.add_argument("--weekdays", default="*", help="such as mon-fri or mon,thu; default every day")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write the schedule and say when the digest goes next. Raises CommandError."""
        zone_of(options["tz"])
        digest = digest_of(options["list"])
        try:
            set_schedule(digest, Schedule(_time_of(options["at"]), options["weekdays"].lower(), options["tz"]))
        except InvalidSchedule as error:
            raise CommandError(f"--weekdays {options['weekdays']!r} names no days: {error}") from error
        digest.refresh_from_db()
        upcoming = next_occurrences(digest, timezone.now(), 1)
        next_time = f"{upcoming[0]:%a %-d %b %Y %H:%M} {options['tz']}" if upcoming else "never"
        self.stdout.write(f"{digest.slug}: {schedule_in_words(digest)}; next {next_time}")


def _time_of(text: str) -> time:
    try:
        return datetime.strptime(text, "%H:%M").time()  # noqa: DTZ007 - a time of day has no zone
    except ValueError as error:
        raise CommandError(f"--at {text!r} is not a time of day such as 15:00.") from error
