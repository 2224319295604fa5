"""What comes back of mails: new tables, and a column of mailings that old rows need not have."""

import django.db.models.deletion
import mailer.models.addresses
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('mailer', '0019_weekly_digests'),
    ]

    operations = [
        migrations.CreateModel(
            name='BounceScore',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('email', mailer.models.addresses.AddressField(max_length=254, unique=True, verbose_name='address')),
                ('score', models.FloatField()),
                ('at', models.DateTimeField(help_text='As of when.')),
                ('sent_at', models.DateTimeField(help_text='When the last of those mails had left.')),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.AddField(
            model_name='mailing',
            name='alarmed_at',
            field=models.DateTimeField(editable=False, help_text='When so many of its mails had come back that it was stopped; once.', null=True),
        ),
        migrations.AlterField(
            model_name='delivery',
            name='reason',
            field=models.CharField(blank=True, choices=[('', ''), ('unsubscribed', 'unsubscribed from the list'), ('suppressed', 'the address is suppressed'), ('paused', 'asked for a pause'), ('erased', 'the person was erased'), ('empty', 'nothing new for this person'), ('template', "the template could not be filled with this person's data"), ('address', 'the mail server refused the address'), ('refused', 'the mail server refused the mail'), ('temporary', 'the mail server asked to try again later'), ('exhausted', 'the mail server asked to try again later until the attempts were used up'), ('relay', 'the mail server could not be used'), ('no_answer', 'the connection died after the mail was handed over and before the answer'), ('worker_lost', 'the worker died while the mail was in flight'), ('let_be', 'nobody can say whether it arrived, and staff let it be'), ('cancelled', 'the mailing was cancelled'), ('gone', 'it came back: there is no such address'), ('mailbox', 'it came back: the mailbox could not take it'), ('blocked', 'it came back: the mail server refused it as unwanted'), ('unexplained', 'it came back, without a reason that is understood'), ('complaint', 'the person marked it as spam')], db_default='', default='', max_length=14),
        ),
        migrations.CreateModel(
            name='ReturnCount',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField()),
                ('source', models.CharField(choices=[('pipe', "a mail server's pipe"), ('listener', 'the LMTP listener'), ('mailbox', 'the mailbox'), ('webhook', "the provider's webhook")], max_length=8, verbose_name='door')),
                ('what', models.CharField(choices=[('gone', 'there is no such address'), ('temporary', 'the mailbox could not take it'), ('blocked', 'the mail server refused it as unwanted'), ('unknown', 'it could not be delivered, without a reason that is understood'), ('delayed', 'it waits at a mail server on its way'), ('complaint', 'the person marked it as spam'), ('delivered', 'it arrived'), ('auto_reply', 'somebody is away, or a program answers'), ('repeated', 'said again what was known'), ('too_late', 'came too long after the mail'), ('never_sent', 'was about a mail that had not left'), ('forgotten', 'was about a mail that is not in the log any more'), ('unsigned', 'had no address that was signed here'), ('no_report', 'was no report but an ordinary mail')], max_length=10)),
                ('count', models.PositiveIntegerField(default=0)),
            ],
            options={
                'ordering': ['-day', 'source', 'what'],
                'default_permissions': (),
                'constraints': [models.UniqueConstraint(fields=('day', 'source', 'what'), name='return_count_once')],
            },
        ),
        migrations.CreateModel(
            name='Return',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('outcome', models.CharField(choices=[('gone', 'there is no such address'), ('temporary', 'the mailbox could not take it'), ('blocked', 'the mail server refused it as unwanted'), ('unknown', 'it could not be delivered, without a reason that is understood'), ('delayed', 'it waits at a mail server on its way'), ('complaint', 'the person marked it as spam'), ('delivered', 'it arrived'), ('auto_reply', 'somebody is away, or a program answers')], max_length=10)),
                ('at', models.DateTimeField()),
                ('source', models.CharField(choices=[('pipe', "a mail server's pipe"), ('listener', 'the LMTP listener'), ('mailbox', 'the mailbox'), ('webhook', "the provider's webhook")], max_length=8, verbose_name='door')),
                ('status', models.CharField(blank=True, help_text='RFC 3463, such as 5.1.1.', max_length=12)),
                ('diagnostic', models.CharField(blank=True, max_length=500, verbose_name="mail server's answer")),
                ('names_other', models.BooleanField(default=False, help_text='To which the mail was forwarded: that one counts nothing.', verbose_name='names another address')),
                ('delivery', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='returns', to='mailer.delivery')),
            ],
            options={
                'ordering': ['-id'],
                'indexes': [models.Index(condition=models.Q(('outcome', 'blocked')), fields=['at'], name='return_blocked')],
                'constraints': [models.UniqueConstraint(fields=('delivery', 'outcome'), name='return_once_a_delivery')],
            },
        ),
    ]
