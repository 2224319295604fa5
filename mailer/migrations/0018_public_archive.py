from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('mailer', '0017_sign_ups'),
    ]

    operations = [
        migrations.AddField(
            model_name='recipientlist',
            name='archive_is_public',
            field=models.BooleanField(default=False, help_text='Anybody may read, on a page and in a feed, what goes and went to this list: without names and without what was for one person, and no announcements to segments.', verbose_name='public archive'),
        ),
    ]
