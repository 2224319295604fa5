"""The app's configuration."""

from importlib import import_module

from django.apps import AppConfig


class MailerConfig(AppConfig):
    """Name and label in the admin."""

    name = "mailer"
    verbose_name = "Afternoon Post"

    def ready(self) -> None:
        """Check the settings; know the tasks, which are called by name; listen to beat's, `migrate` and workers.

        Models can't be imported before this.
        """
        import_module("mailer.checks")
        import_module("mailer.tasks")
        import_module("mailer.receivers")
        import_module("mailer.lookout")
