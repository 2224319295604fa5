"""Celery's entry points: each looks up what to do and has it done by the flows. Arguments are ids and names."""

import logging
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

from celery import Task, shared_task
from celery.result import AsyncResult
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from kombu.exceptions import OperationalError

from mailer.audience.imports import LostImport, check_import, claim_import, run_import, work_on
from mailer.audience.sign_ups import forget_forms
from mailer.audience.striking import strike_erased
from mailer.audience.undoing import undo_import
from mailer.audience.uploads import purge_imports
from mailer.feedback.scores import forget_scores
from mailer.insight.counting import count_figures, uncounted_mailings
from mailer.insight.life import note_tick
from mailer.insight.list_figures import count_list, old_list_figures
from mailer.insight.retention import purge_changes, purge_notes
from mailer.models import Import, Mailing
from mailer.scheduling.announcements import plan_announcements
from mailer.scheduling.notifications import Extras, plan_notification
from mailer.scheduling.planning import complete, plan_digest, plan_due
from mailer.scheduling.schedules import find_digest
from mailer.sending.batch import send_range
from mailer.sending.claim import Range
from mailer.sending.record import finish_mailing
from mailer.sending.recovery import give_up_abandoned, recover_journals
from mailer.sending.relays import try_relay_again
from mailer.sending.retention import purge_log, purge_messages
from mailer.sending.wakeups import due_ranges, finished_mailings, highest_delivery, note_woken, waiting_mailings

logger = logging.getLogger(__name__)

#: A notification that is due later than this is not put into the broker; the tick finds it when it is due.
LONGEST_COUNTDOWN = timedelta(minutes=15)
#: Seconds by which the planning of the rest lets the first mails go ahead: on SQLite it holds the write lock.
PLAN_REST_AFTER = 1


# Of these tasks, which are few, the result says how long they took; a batch measures that itself.
@shared_task(name="mailer.tasks.send_digest", track_started=True)
def send_digest(digest: str) -> dict[str, Any]:
    """Plan the digest of this slug (or of this list's slug) if it is due, and start sending it. Beat calls this."""
    mailings = plan_digest(find_digest(str(digest)).pk, timezone.now())
    for mailing in mailings:
        wake_mailing(mailing.pk)
    return {"digest": digest, "mailings": [mailing.pk for mailing in mailings]}


@shared_task(name="mailer.tasks.tick", ignore_result=True)
def tick() -> None:
    """Each minute: bring back what dead workers held, plan what is due, wake who is needed, close what is done."""
    now = timezone.now()
    recover_journals(settings.JOURNAL_DIR, now)
    give_up_abandoned(now)
    plan_announcements(now)
    plan_due(now)
    for mailing_id in finished_mailings():
        finish_mailing(mailing_id, now)
    # Otherwise a pause that is as good as over would use up this tick's messages, and the next tick is a minute away.
    try_relay_again(now)
    for import_id in Import.objects.forgotten(now).values_list("pk", flat=True):
        wake_import(import_id)
    for mailing_id in waiting_mailings(now):
        if not wake_mailing(mailing_id):
            break  # the broker is down, and so it is for the others
    for mailing_id in uncounted_mailings(now):
        if not _publish(count, (mailing_id,), queue="bulk"):
            break
    for list_id in old_list_figures(now):
        if not _publish(count_people, (list_id,), queue="bulk"):
            break
    note_tick(now)


@shared_task(name="mailer.tasks.plan_rest", ignore_result=True)
def plan_rest(mailing_id: int) -> None:
    """Make the deliveries beyond a large mailing's first part, while that is being sent, and wake workers for them."""
    before = highest_delivery()
    complete(mailing_id)
    wake_mailing(mailing_id, after=before)


@shared_task(name="mailer.tasks.close", ignore_result=True)
def close(mailing_id: int) -> None:
    """Cancel what waits of a cancelled mailing, and close it unless a worker still has mails of it in hand."""
    finish_mailing(mailing_id, timezone.now())


@shared_task(name="mailer.tasks.count", ignore_result=True)
def count(mailing_id: int) -> None:
    """Count what became of a mailing that has ended, for its page; once at a time."""
    count_figures(mailing_id, timezone.now())


@shared_task(name="mailer.tasks.count_people", ignore_result=True)
def count_people(list_id: int) -> None:
    """Count a long list's figures again, for its page."""
    count_list(list_id, timezone.now())


@shared_task(bind=True, name="mailer.tasks.deliver")
def deliver(self: "Task[Any, Any]", mailing_id: int, first: int, last: int) -> dict[str, Any]:
    """Send what is due of a mailing between two delivery ids. The result is the delivery log's summary."""
    recover_journals(settings.JOURNAL_DIR, timezone.now())
    return send_range(Range(mailing_id, first, last), UUID(self.request.id), partial(datetime.now, UTC))


@shared_task(name="mailer.tasks.work_on_import", ignore_result=True)
def work_on_import(import_id: int) -> None:
    """Check, run or undo an import, as its state asks, unless another worker is on it."""
    lease = claim_import(import_id, timezone.now())
    if lease is None:
        return
    works = {Import.State.CHECKING: check_import, Import.State.RUNNING: run_import, Import.State.UNDOING: undo_import}
    try:
        work_on(lease, works[Import.State(lease.imported.state)])
    except LostImport as error:
        logger.warning("%s", error)


@shared_task(name="mailer.tasks.strike", ignore_result=True)
def strike() -> None:
    """Take people who were erased out of the files of imports."""
    strike_erased(timezone.now())


@shared_task(name="mailer.tasks.purge", track_started=True)
def purge() -> dict[str, int]:
    """Each night: delete what is older than LOG_RETENTION_DAYS, HISTORY_RETENTION_DAYS and IMPORT_DAYS allow."""
    strike_erased(timezone.now())
    purge_imports(timezone.now())
    forget_forms(timezone.now())
    forget_scores(timezone.now())
    before = timezone.now() - timedelta(days=settings.LOG_RETENTION_DAYS)
    changes = purge_changes(timezone.now() - timedelta(days=settings.HISTORY_RETENTION_DAYS))
    messages = purge_messages(timezone.now() - timedelta(days=settings.MESSAGE_DAYS))
    return {**purge_log(before), **purge_notes(before), **messages, "changes": changes}


class NotifyTask(Task):  # type: ignore[type-arg]
    """A task whose call writes the notification down first and puts only its id into the broker."""

    def apply_async(  # type: ignore[override]
        self,
        args: Iterable[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        task_id: str | None = None,
        *,
        countdown: float | None = None,
        eta: datetime | None = None,
        **options: Any,
    ) -> "AsyncResult[Any]":
        """As Celery has it; `countdown` in seconds, `eta` aware. The result is that of the delivery's task.

        What else Celery takes has no meaning here. Raises ValueError for a naive `eta`, and what `plan_notification`
        raises.
        """
        if eta is not None and timezone.is_naive(eta):
            raise ValueError(f"eta {eta} has no time zone.")
        due = eta or timezone.now() + timedelta(seconds=countdown or 0)
        task_id = task_id or str(uuid4())
        take_notification(_plan(due, *(args or ()), **(kwargs or {})), task_id)
        return self.AsyncResult(task_id)


@shared_task(base=NotifyTask, name="mailer.tasks.notify_user", track_started=True)
def notify_user(recipient: str | int, template: str, context: dict[str, Any], key: str | None = None) -> dict[str, Any]:
    """Send one person one mail. `.apply_async(args=[…], countdown=600)` writes it down at once, for then."""
    mailing = plan_notification(timezone.now(), recipient, template, context, Extras(key))
    wake_mailing(mailing.pk)
    return {"mailing": mailing.pk}


def _plan(due: datetime, recipient: str | int, template: str, context: dict[str, Any], *more: Any, **named: Any) -> Any:
    """The task's arguments as the flow takes them; what else there is, key and files, is Extras."""
    return plan_notification(due, recipient, template, context, Extras(*more, **named))


def take_notification(mailing: Mailing, task_id: str | None = None) -> Mailing:
    """Tell a worker of a notification that was written down, once that is committed."""
    task = task_id or str(uuid4())
    transaction.on_commit(lambda: _wake_notification(mailing, mailing.scheduled_for, task), robust=True)
    return mailing


def wake_mailing(mailing_id: int, after: int = 0) -> bool:
    """Tell the workers of the mailing's due deliveries with ids above `after`. Returns whether the broker took it all.

    If it did not, nothing is lost: the next tick finds the rows.
    """
    now = timezone.now()
    mailing = Mailing.objects.get(pk=mailing_id)
    note_woken(mailing_id, now)
    parts = [(mailing_id, part.first, part.last) for part in due_ranges(mailing_id, now, after)]
    woken = all(_publish(deliver, part, queue=_queue_of(mailing)) for part in parts)
    if woken and mailing.has_more:
        woken = _publish(plan_rest, (mailing_id,), countdown=PLAN_REST_AFTER)
    return woken


def wake_cancellation(mailing_id: int) -> bool:
    """Have a cancelled mailing's rows cancelled. Returns whether the broker took it; if not, the tick does it."""
    return _publish(close, (mailing_id,))


def wake_import(import_id: int) -> bool:
    """Tell a worker of an import that has to be worked on. Returns whether the broker took it; else the tick tries."""
    Import.objects.filter(pk=import_id).update(woken_at=timezone.now())
    return _publish(work_on_import, (import_id,), queue="bulk")


def wake_striking() -> bool:
    """Have the files of imports forget who was erased. Returns whether the broker took it; else the night does it."""
    return _publish(strike, (), queue="bulk")


def _wake_notification(mailing: Mailing, due: datetime, task_id: str) -> None:
    remaining = due - timezone.now()
    if remaining <= LONGEST_COUNTDOWN:
        pk = mailing.deliveries.values_list("pk", flat=True).get()
        countdown = max(0.0, remaining.total_seconds())
        _publish(deliver, (mailing.pk, pk, pk), queue=_queue_of(mailing), task_id=task_id, countdown=countdown)


def _queue_of(mailing: Mailing) -> str:
    single = mailing.kind in (Mailing.Kind.NOTIFICATION, Mailing.Kind.TEST)
    return "transactional" if single else "bulk"


def _publish(task: "Task[Any, Any]", args: tuple[int, ...], **options: Any) -> bool:
    """Whether the broker took the message."""
    try:
        task.apply_async(args=args, retry=False, **options)
    except OperationalError as error:
        logger.warning("The broker can't be used (%s); the next tick will send %s %s again", error, task.name, args)
        return False
    return True
