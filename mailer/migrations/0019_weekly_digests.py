from django.db import migrations, models

from mailer.migrations._online import AddIndexOnline


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ('mailer', '0018_public_archive'),
    ]

    operations = [
        migrations.AddField(
            model_name='digest',
            name='weekly_on',
            field=models.PositiveSmallIntegerField(choices=[(0, 'Monday'), (1, 'Tuesday'), (2, 'Wednesday'), (3, 'Thursday'), (4, 'Friday'), (5, 'Saturday'), (6, 'Sunday')], default=0, help_text="For those who want one mail a week: at the digest's first time from this day on.", verbose_name='weekly mails on'),
        ),
        migrations.AddField(
            model_name='mailing',
            name='is_weekly',
            field=models.BooleanField(db_default=False, default=False, editable=False, help_text='For those who want one mail a week: all since their last.'),
        ),
        AddIndexOnline(
            model_name='consentevent',
            index=models.Index(condition=models.Q(('what', 'cadence')), fields=['list', 'at'], name='consent_of_cadence'),
        ),
        AddIndexOnline(
            model_name='digestitem',
            index=models.Index(condition=models.Q(('recipient', None)), fields=['url'], name='item_by_link'),
        ),
        AddIndexOnline(
            model_name='subscription',
            index=models.Index(condition=models.Q(('cadence', 'weekly')), fields=['list'], name='subscription_weekly'),
        ),
        migrations.AddConstraint(
            model_name='mailing',
            constraint=models.UniqueConstraint(condition=models.Q(('digest__isnull', False)), fields=('digest', 'scheduled_for', 'time_zone', 'is_weekly'), name='digest_once_a_moment'),
        ),
        migrations.RemoveConstraint(
            model_name='mailing',
            name='digest_once_an_occurrence',
        ),
    ]
