"""Less to write for each row of an import: no checks a row, no index that another one begins with.

An address is stored in the order of its bytes on PostgreSQL, where the index that Django makes for `LIKE` is then one too
many.
"""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from mailer.models import AddressField

_FOR_LIKE = """SELECT indexname FROM pg_indexes WHERE schemaname = current_schema() AND tablename = %s
AND indexdef LIKE '%%(email varchar_pattern_ops)%%'"""


def order_by_bytes(apps, schema_editor):
    if schema_editor.connection.vendor != "postgresql":
        return
    for model in apps.get_app_config("mailer").get_models():
        table = schema_editor.quote_name(model._meta.db_table)
        for field in model._meta.local_fields:
            if isinstance(field, AddressField):
                column, kind = schema_editor.quote_name(field.column), field.db_type(schema_editor.connection)
                schema_editor.execute(f'ALTER TABLE {table} ALTER COLUMN {column} TYPE {kind} COLLATE "C"')
    for model in ("Recipient", "Suppression"):
        with schema_editor.connection.cursor() as cursor:
            cursor.execute(_FOR_LIKE, [apps.get_model("mailer", model)._meta.db_table])
            names = [name for name, in cursor.fetchall()]
        for name in names:
            schema_editor.execute(f"DROP INDEX {schema_editor.quote_name(name)}")


class Migration(migrations.Migration):
    dependencies = [
        ("mailer", "0004_find_in_the_log"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterField(
            model_name="subscription",
            name="changed_by",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AlterField(
            model_name="subscription",
            name="list",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="subscriptions",
                to="mailer.recipientlist",
            ),
        ),
        migrations.AlterField(
            model_name="subscription",
            name="recipient",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="subscriptions",
                to="mailer.recipient",
            ),
        ),
        migrations.AddIndex(
            model_name="subscription",
            index=models.Index(
                condition=models.Q(("changed_by__isnull", False)),
                fields=["changed_by"],
                name="subscription_by_changer",
            ),
        ),
        migrations.RunPython(order_by_bytes, migrations.RunPython.noop),
    ]
