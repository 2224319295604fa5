"""What staff decide is told in a delivery's story; a mailing that is being cancelled is found at once."""

from django.db import migrations, models

from mailer.migrations._online import AddIndexOnline


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("mailer", "0009_growth_of_a_list"),
    ]

    operations = [
        AddIndexOnline(
            model_name="mailing",
            index=models.Index(
                condition=models.Q(("finished_at__isnull", True), ("status", "cancelled")),
                fields=["id"],
                name="mailing_being_cancelled",
            ),
        ),
        migrations.AlterField(
            model_name="delivery",
            name="reason",
            field=models.CharField(
                blank=True,
                choices=[
                    ("", ""),
                    ("unsubscribed", "unsubscribed from the list"),
                    ("suppressed", "the address is suppressed"),
                    ("paused", "asked for a pause"),
                    ("erased", "the person was erased"),
                    ("empty", "nothing new for this person"),
                    ("template", "the template could not be filled with this person's data"),
                    ("address", "the mail server refused the address"),
                    ("refused", "the mail server refused the mail"),
                    ("temporary", "the mail server asked to try again later"),
                    ("exhausted", "the mail server asked to try again later until the attempts were used up"),
                    ("relay", "the mail server could not be used"),
                    ("no_answer", "the connection died after the mail was handed over and before the answer"),
                    ("worker_lost", "the worker died while the mail was in flight"),
                    ("let_be", "nobody can say whether it arrived, and staff let it be"),
                    ("cancelled", "the mailing was cancelled"),
                ],
                db_default="",
                default="",
                max_length=14,
            ),
        ),
        # Last, because it is the one that can't be done twice, should the migration break off.
        migrations.AddField(
            model_name="attempt",
            name="by",
            field=models.CharField(blank=True, db_default="", default="", max_length=150, verbose_name="decided by"),
        ),
    ]
