"""Waits until every delivery of a mailing is final, and says in one line what became of them."""

import time
from argparse import ArgumentParser
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django_celery_results.models import TaskResult

from mailer.insight.outcomes import sum_line
from mailer.models import Mailing, RelayPause

_POLL_SECONDS = 0.2
#: A mail server that can't be used for so long is told at once.
_RELAY_PATIENCE = timedelta(seconds=5)

_SAYS = __doc__  # in the class, __doc__ is the class's


class Command(BaseCommand):
    """`manage.py wait_for_mailing --key KEY [--timeout SECONDS]`."""

    help = _SAYS

    def add_arguments(self, parser: ArgumentParser) -> None:
        """--key KEY or --id ID, [--timeout SECONDS]."""
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("--key", help="the mailing's key")
        which.add_argument("--id", type=int, help="the mailing's id")
        parser.add_argument("--timeout", type=float, default=120, help="seconds, default 120")

    def handle(self, *args: Any, **options: Any) -> None:
        """Poll the database. Raises CommandError when the time is over or a mail failed, with the reason."""
        wanted = {"key": options["key"]} if options["key"] else {"pk": options["id"]}
        mailing = _wait(wanted, time.monotonic() + options["timeout"])
        results = _count_results(mailing)
        began, ended = mailing.started_at or mailing.created_at, mailing.finished_at or timezone.now()
        seconds = (ended - began).total_seconds()
        if mailing.status != Mailing.Status.DONE:
            raise CommandError(f"Mailing {mailing.pk} is {mailing.status}: {mailing.reason}.")
        line = f"{sum_line(mailing)}, TaskResults {results}, {seconds:.1f} s"
        if mailing.failed or mailing.uncertain:
            raise CommandError(f"Not every mail went out: {line}. The delivery log says why of each.")
        self.stdout.write(line)


def _wait(wanted: dict[str, Any], deadline: float) -> Mailing:
    while True:
        mailing = Mailing.objects.filter(**wanted).first()
        if mailing is not None and mailing.final and (mailing.planned == mailing.skipped or _count_results(mailing)):
            return mailing
        given_up = RelayPause.objects.filter(since__lt=timezone.now() - _RELAY_PATIENCE).exists()
        if given_up or time.monotonic() > deadline:
            raise CommandError(_reason(mailing))
        time.sleep(_POLL_SECONDS)


def _count_results(mailing: Mailing) -> int:
    """How many task results there are for the mailing's deliveries; 0 while one is still to be written."""
    tasks = mailing.deliveries.exclude(task_id=None).order_by().values_list("task_id", flat=True).distinct()
    expected = {str(UUID(str(task))) for task in tasks}
    found = TaskResult.objects.filter(task_id__in=expected).count()
    return found if found == len(expected) else 0


def _reason(mailing: Mailing | None) -> str:
    if mailing is None:
        return "There is no such mailing."
    pause = RelayPause.objects.first()
    why = f" {pause.reason}." if pause else " Is a worker running?"
    return f"Mailing {mailing.pk} is not done in time: {sum_line(mailing)}.{why}"
