"""Items of one's own are found by recipient, and cost less to pin."""

import django.db.models.deletion
from django.db import migrations, models

_WHOSE = """
UPDATE mailer_mailingitem
SET recipient_id = (SELECT item.recipient_id FROM mailer_digestitem AS item WHERE item.id = mailer_mailingitem.item_id)
WHERE item_id IN (SELECT id FROM mailer_digestitem WHERE recipient_id IS NOT NULL)
"""


class Migration(migrations.Migration):

    dependencies = [
        ('mailer', '0010_staff_decisions'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='mailingitem',
            name='item_once_a_mailing',
        ),
        migrations.AddField(
            model_name='mailingitem',
            name='recipient',
            field=models.ForeignKey(db_constraint=False, db_index=False, editable=False, help_text="The item's, so that one person's items are found without all others'.", null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='mailer.recipient'),
        ),
        migrations.AlterField(
            model_name='mailingitem',
            name='item',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='mailing_items', to='mailer.digestitem'),
        ),
        migrations.AlterField(
            model_name='mailingitem',
            name='mailing',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='mailing_items', to='mailer.mailing'),
        ),
        migrations.AddIndex(
            model_name='mailingitem',
            index=models.Index(fields=['mailing', 'recipient', 'position'], name='mailing_item_by_recipient'),
        ),
        migrations.AddConstraint(
            model_name='mailingitem',
            constraint=models.UniqueConstraint(fields=('item', 'mailing'), name='item_once_a_mailing'),
        ),
        migrations.RunSQL(_WHOSE, migrations.RunSQL.noop),
    ]
