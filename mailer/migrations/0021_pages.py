from django.db import migrations, models
from django.db.models.deletion import CASCADE


class Migration(migrations.Migration):

    dependencies = [
        ('mailer', '0020_staging_guard'),
    ]

    operations = [
        migrations.CreateModel(
            name='ListFigures',
            fields=[
                ('list', models.OneToOneField(on_delete=CASCADE, primary_key=True, related_name='figures', serialize=False, to='mailer.recipientlist')),
                ('as_of', models.DateTimeField(db_index=True)),
                ('states', models.JSONField(help_text='How many subscriptions, by state.')),
                ('first_day', models.DateField(help_text="Of those that follow, by the list's calendar.")),
                ('joined', models.JSONField(help_text='How many, day by day.')),
                ('left', models.JSONField(help_text='How many of those who are still gone, day by day.')),
            ],
            options={
                'default_permissions': (),
            },
        ),
    ]
