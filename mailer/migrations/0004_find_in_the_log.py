"""Indexes by which the log is searched, made while the service works; the old one goes when its successor is there."""

from django.db import migrations, models

from mailer.migrations._online import AddIndexOnline, RemoveIndexOnline
from mailer.models.recipients import Domain


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("mailer", "0003_claims"),
    ]

    operations = [
        AddIndexOnline(
            model_name="delivery",
            index=models.Index(
                condition=models.Q(("status__in", ["queued", "sent"]), _negated=True),
                fields=["status", "mailing", "recipient"],
                name="delivery_by_status",
            ),
        ),
        AddIndexOnline(
            model_name="delivery",
            index=models.Index(
                condition=models.Q(("reason__gt", "")),
                fields=["reason", "mailing", "recipient"],
                name="delivery_by_reason",
            ),
        ),
        AddIndexOnline(
            model_name="delivery",
            index=models.Index(
                condition=models.Q(("smtp_code__gte", 300)),
                fields=["smtp_code", "mailing", "recipient"],
                name="delivery_by_code",
            ),
        ),
        RemoveIndexOnline(model_name="delivery", name="delivery_exception"),
        AddIndexOnline(
            model_name="recipient",
            index=models.Index(Domain("email"), models.F("id"), name="recipient_by_domain"),
        ),
    ]
