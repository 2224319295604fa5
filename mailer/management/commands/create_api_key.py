"""Makes a key for a program that comes in by the API."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from mailer.models import ApiKey, Scope

_SAYS = __doc__  # in the class, __doc__ is the class's


class Command(BaseCommand):
    """`manage.py create_api_key NAME --scope items --scope log`."""

    help = _SAYS

    def add_arguments(self, parser: ArgumentParser) -> None:
        """NAME, scopes, and limits."""
        parser.add_argument("name", help="which program has it")
        parser.add_argument(
            "--scope", action="append", choices=Scope.values, required=True, help="what it may do; once for each"
        )
        parser.add_argument("--days", type=int, help="until it expires; never if this is left out")
        parser.add_argument("--per-minute", type=int, default=600, help="requests a minute (600)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the token, once and for all. Raises CommandError."""
        days = options["days"]
        key = ApiKey(
            name=options["name"],
            scopes=options["scope"],
            per_minute=options["per_minute"],
            expires_at=timezone.now() + timedelta(days=days) if days is not None else None,
        )
        token = key.set_token()
        try:
            key.full_clean()
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        key.save()
        self.stderr.write("This is the only time that the token is shown:")
        self.stdout.write(token)
