"""The app's configuration."""

from importlib import import_module

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class MailerConfig(AppConfig):
    """Name and label in the admin."""

    name = "mailer"
    verbose_name = "Afternoon Post"

    def ready(self) -> None:
        """Check the settings; know the tasks and other apps' sources, which are called by name; listen to signals.

        Models can't be imported before this.
        """
        import_module("mailer.checks")
        import_module("mailer.tasks")
        import_module("mailer.receivers")
        import_module("mailer.lookout")
        autodiscover_modules("digest_sources")
