from django.db import migrations, models
from django.db.models.deletion import CASCADE


def add_changed_at(model: str) -> migrations.SeparateDatabaseAndState:
    """Django would fill a field that is `auto_now` with today's time, as if every row had changed just now."""
    name, empty = 'changed_at', models.DateTimeField(null=True, editable=False)
    kept_up = models.DateTimeField(auto_now=True, null=True)
    return migrations.SeparateDatabaseAndState(
        database_operations=[migrations.AddField(model, name, empty)],
        state_operations=[migrations.AddField(model, name, kept_up)],
    )


class Migration(migrations.Migration):

    dependencies = [
        ('mailer', '0013_template_authoring'),
    ]

    operations = [
        migrations.CreateModel(
            name='MailingFigures',
            fields=[
                ('planned', models.PositiveIntegerField(default=0)),
                ('sent', models.PositiveIntegerField(default=0)),
                ('failed', models.PositiveIntegerField(default=0)),
                ('skipped', models.PositiveIntegerField(default=0)),
                ('bounced', models.PositiveIntegerField(default=0)),
                ('uncertain', models.PositiveIntegerField(default=0)),
                ('cancelled', models.PositiveIntegerField(default=0)),
                ('mailing', models.OneToOneField(on_delete=CASCADE, primary_key=True, related_name='figures', serialize=False, to='mailer.mailing')),
                ('as_of', models.DateTimeField(help_text='Empty: not counted to the end yet.', null=True)),
                ('begun_at', models.DateTimeField(help_text='When a worker began to count; empty: none does.', null=True)),
                ('finished_at', models.DateTimeField(help_text='When the mailing had ended that was counted.', null=True)),
                ('is_stale', models.BooleanField(default=False, help_text='Something changed that is in none of the sums.')),
                ('counted', models.JSONField(default=dict)),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.AddField(
            model_name='mailing',
            name='first_finished_at',
            field=models.DateTimeField(editable=False, help_text='Before staff put any mail of it back into the queue.', null=True),
        ),
        add_changed_at('digest'),
        add_changed_at('digestitem'),
        add_changed_at('recipient'),
        add_changed_at('recipientlist'),
    ]
