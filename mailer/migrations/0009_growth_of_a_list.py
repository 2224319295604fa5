"""Indexes by which a list's page counts who joined and who left each day, made while the service works."""

from django.db import migrations, models

from mailer.migrations._online import AddIndexOnline


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("mailer", "0008_announcements_and_segments"),
    ]

    operations = [
        AddIndexOnline(
            model_name="subscription",
            index=models.Index(fields=["list", "subscribed_at"], name="subscription_joined"),
        ),
        AddIndexOnline(
            model_name="subscription",
            index=models.Index(
                condition=models.Q(("unsubscribed_at__isnull", False)),
                fields=["list", "unsubscribed_at"],
                name="subscription_left",
            ),
        ),
    ]
