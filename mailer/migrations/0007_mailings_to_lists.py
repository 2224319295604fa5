"""An index of the mailings to lists, in an hour of which single mails may make a hundred thousand."""

from django.db import migrations, models

from mailer.migrations._online import AddIndexOnline


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("mailer", "0006_watch_and_roles"),
    ]

    operations = [
        AddIndexOnline(
            model_name="mailing",
            index=models.Index(
                condition=models.Q(("list__isnull", False)), fields=["scheduled_for"], name="mailing_to_list"
            ),
        ),
    ]
