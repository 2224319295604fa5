"""After a backup was restored: nothing that may have gone out since goes out again unasked, and no id is used twice."""

from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction
from django.db.models import Max, Model
from django_celery_beat.models import PeriodicTask

from mailer.models import Delivery, Mailing
from mailer.scheduling.planning import plan_due

REASON = "the database was restored from a backup: it may have been sent by then"
#: How far ids move on. Message-IDs, return paths and links are made from them, and those that were given after the
#: backup are in people's mailboxes.
SKIPPED_IDS = {Mailing: 1_000_000, Delivery: 100_000_000}


@dataclass(frozen=True)
class Held:
    """What was held back."""

    paused: int  #: mailings that were open
    skipped: int  #: mailings that had fallen due since, or were about to begin


def hold_after_restore(now: datetime) -> Held:
    """Pause what is open, skip what has fallen due since the backup, and move ids on. Safe to do twice.

    No worker and no beat may run before this is done.
    """
    with transaction.atomic():
        for model, many in SKIPPED_IDS.items():
            _move_ids_on(model, many)
        status = Mailing.Status
        begun = Mailing.objects.filter(status=status.PLANNED, scheduled_for__lte=now)
        skipped = begun.update(status=status.SKIPPED, reason=REASON, finished_at=now)
        paused = Mailing.objects.filter(status=status.SENDING).update(status=status.PAUSED, reason=REASON)
        skipped += _skip_what_fell_due(now)
    return Held(paused, skipped)


def _skip_what_fell_due(now: datetime) -> int:
    """Plan it as if all digests had been paused, so that each occurrence has its row."""
    last = Mailing.objects.aggregate(last=Max("pk"))["last"] or 0
    enabled = PeriodicTask.objects.filter(digest__isnull=False, enabled=True)
    tasks = list(enabled.values_list("pk", flat=True))
    enabled.update(enabled=False)
    plan_due(now)
    PeriodicTask.objects.filter(pk__in=tasks).update(enabled=True)
    made = Mailing.objects.filter(pk__gt=last, status=Mailing.Status.SKIPPED)
    return made.update(reason=REASON)


def _move_ids_on(model: type[Model], many: int) -> None:
    table = connection.ops.quote_name(model._meta.db_table)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                f"SELECT setval(pg_get_serial_sequence(%s, 'id'), COALESCE(MAX(id), 0) + %s) FROM {table}",  # noqa: S608 - ours
                [model._meta.db_table, many],
            )
        else:
            cursor.execute("DELETE FROM sqlite_sequence WHERE name = %s", [model._meta.db_table])
            cursor.execute(
                f"INSERT INTO sqlite_sequence (name, seq) SELECT %s, COALESCE(MAX(id), 0) + %s FROM {table}",  # noqa: S608
                [model._meta.db_table, many],
            )
