"""Makes a new version of each mail template whose files changed."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from mailer.templating.compile import compile_sources
from mailer.templating.sandbox import TemplateError
from mailer.templating.sync import Synced, sync_folder, template_folders

_SAYS = __doc__  # in the class, __doc__ is the class's


class Command(BaseCommand):
    """`manage.py sync_templates`."""

    help = _SAYS

    def handle(self, *args: Any, **options: Any) -> None:
        """Sync every folder; those that are wrong are named and keep their latest version."""
        failures = []
        for folder in template_folders():
            try:
                synced = sync_folder(folder)
            except TemplateError as error:
                failures.append(str(error))
                continue
            self.stdout.write(f"{folder.name}: {'version ' + str(synced.version.number) if synced else 'unchanged'}")
            if synced is not None:
                self._warn(synced)
        if failures:
            raise CommandError(" ".join(failures))

    def _warn(self, synced: Synced) -> None:
        version = synced.version
        if not synced.is_in_use:
            self.stderr.write(
                f"{version}: not in use, because a version that was written in the admin is; choose there."
            )
        for reason in compile_sources(version.subject, version.html, version.text).inlined_late:
            self.stderr.write(
                f"{version}: each mail's CSS is inlined by itself, some hundred times slower, because {reason}."
            )
