"""Makes a new version of each mail template whose files changed."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from mailer.models import TemplateVersion
from mailer.templating.compile import compile_sources
from mailer.templating.sandbox import TemplateError
from mailer.templating.sync import sync_folder, template_folders


class Command(BaseCommand):
    """`manage.py sync_templates`."""

    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        """Sync every folder; those that are wrong are named and keep their latest version."""
        failures = []
        for folder in template_folders():
            try:
                version = sync_folder(folder)
            except TemplateError as error:
                failures.append(str(error))
                continue
            self.stdout.write(f"{folder.name}: {'version ' + str(version.number) if version else 'unchanged'}")
            if version is not None:
                self._warn(version)
        if failures:
            raise CommandError(" ".join(failures))

    def _warn(self, version: TemplateVersion) -> None:
        for reason in compile_sources(version.subject, version.html, version.text).inlined_late:
            self.stderr.write(
                f"{version}: each mail's CSS is inlined by itself, some hundred times slower, because {reason}."
            )
