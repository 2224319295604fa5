"""Templates can be written in the admin: which version is in use, what its author wrote, its translations."""

import django.db.models.deletion
from django.db import migrations, models


def mark_synced(apps, schema_editor):
    """Until now every version came from files, but for those that tests and operators made by hand."""
    apps.get_model("mailer", "TemplateVersion").objects.filter(note="synced from files").update(from_files=True)


class Migration(migrations.Migration):
    dependencies = [
        ("mailer", "0012_imports"),
    ]

    operations = [
        migrations.AddField(
            model_name="templateversion",
            name="from_files",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="templateversion",
            name="translations",
            field=models.JSONField(
                blank=True, default=dict, help_text="Language → subject, html and text, layout put in."
            ),
        ),
        migrations.AddField(
            model_name="templateversion",
            name="written",
            field=models.JSONField(
                blank=True,
                default=dict,
                help_text="What its author wrote: language (empty for the first) → html and text, without the layout.",
            ),
        ),
        migrations.AddField(
            model_name="emailtemplate",
            name="in_use",
            field=models.ForeignKey(
                blank=True,
                editable=False,
                help_text="What new mailings send. Empty: the newest version.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="mailer.templateversion",
            ),
        ),
        migrations.RunPython(mark_synced, migrations.RunPython.noop),
    ]
