"""Celery's entry points: each looks up what to do and has it done by the flows. Arguments are ids and names."""

import logging
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial
from typing import Any
from uuid import UUID, uuid4

from celery import Task, shared_task
from celery.result import AsyncResult
from django.conf import settings
from django.utils import timezone
from django_celery_results.backends import DatabaseBackend

from mailer.audience.imports import LostImport, check_import, claim_import, run_import, work_on
from mailer.audience.sign_ups import forget_forms, purge_pending
from mailer.audience.striking import strike_erased
from mailer.audience.undoing import undo_import
from mailer.audience.uploads import purge_imports
from mailer.feedback.scores import forget_scores
from mailer.insight.counting import count_figures, uncounted_mailings
from mailer.insight.life import note_tick
from mailer.insight.list_figures import count_list, old_list_figures
from mailer.insight.retention import purge_changes, purge_notes
from mailer.models import Import
from mailer.scheduling.announcements import plan_announcements
from mailer.scheduling.feeds import call_due_feeds, refresh
from mailer.scheduling.notifications import Extras, plan_notification
from mailer.scheduling.planning import complete, plan_digest, plan_due
from mailer.scheduling.schedules import find_digest
from mailer.sending.batch import send_range
from mailer.sending.claim import Range
from mailer.sending.holding import end_turns, go_on_turns, release
from mailer.sending.record import finish_mailing
from mailer.sending.recovery import give_up_abandoned, recover_journals
from mailer.sending.relays import try_relay_again
from mailer.sending.retention import purge_log, purge_messages
from mailer.sending.wakeups import finished_mailings, highest_delivery, note_next_share, waiting_mailings
from mailer.waking import (
    begin_to_release,
    call_for_others,
    take_notification,
    wake_count,
    wake_count_people,
    wake_each,
    wake_events,
    wake_feed,
    wake_import,
    wake_mailing,
    wake_range,
    wake_release,
)
from mailer.webhooks.dispatch import deliver_events as send_due_events
from mailer.webhooks.upkeep import due_endpoints, purge_events

logger = logging.getLogger(__name__)


class LoggedTask(Task):  # type: ignore[type-arg]
    """A task whose result is part of the delivery log, and so in the database, whatever CELERY_RESULT_BACKEND is."""

    @cached_property
    def backend(self) -> DatabaseBackend:
        """In place of the app's."""
        return DatabaseBackend(self.app)


# Of these tasks, which are few, the result says how long they took; a batch measures that itself.
@shared_task(base=LoggedTask, name="mailer.tasks.send_digest", track_started=True)
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
    wake_each(wake_import, Import.objects.forgotten(now).values_list("pk", flat=True))
    wake_each(wake_mailing, waiting_mailings(now))
    begin_to_release()
    wake_each(wake_count, uncounted_mailings(now))
    wake_each(wake_events, due_endpoints(now))
    wake_each(wake_feed, call_due_feeds(now))
    wake_each(wake_count_people, old_list_figures(now))
    note_tick(now)


@shared_task(name="mailer.tasks.plan_rest", ignore_result=True)
def plan_rest(mailing_id: int) -> None:
    """Make the deliveries beyond a large mailing's first part, while that is being sent, and wake workers for them."""
    before = highest_delivery()
    complete(mailing_id)
    wake_mailing(mailing_id, after=before)


@shared_task(name="mailer.tasks.send_next_share", ignore_result=True)
def send_next_share(mailing_id: int) -> None:
    """Wake workers for what has fallen due of a mailing that is spread. If this is lost, the tick goes on."""
    if note_next_share(mailing_id, timezone.now()):
        wake_mailing(mailing_id)


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


@shared_task(base=LoggedTask, bind=True, name="mailer.tasks.deliver")
def deliver(self: "Task[Any, Any]", mailing_id: int, first: int, last: int) -> dict[str, Any]:
    """Send what is due of a mailing between two delivery ids. The result is the delivery log's summary."""
    recover_journals(settings.JOURNAL_DIR, timezone.now())
    summary = send_range(Range(mailing_id, first, last), UUID(self.request.id), partial(datetime.now, UTC))
    call_for_others(summary)
    return summary


@shared_task(name="mailer.tasks.release_held", ignore_result=True)
def release_held(turn: int) -> None:
    """Let go what the sending limits allow by now, and come again while anything waits; one chain at a time."""
    now = timezone.now()
    if (next_turn := go_on_turns(turn, now)) is None:
        return
    released = release(now)
    wake_each(wake_range, released.ranges)
    if released.again_at is None:
        end_turns(now)
        begin_to_release()  # of what was put aside meanwhile
    else:
        wake_release(next_turn, released.again_at - timezone.now())


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


@shared_task(name="mailer.tasks.read_feed", ignore_result=True)
def read_feed(feed_id: int) -> None:
    """Make items of what is new in a feed; once at a time."""
    refresh(feed_id, timezone.now())


@shared_task(name="mailer.tasks.deliver_events", ignore_result=True)
def deliver_events(endpoint_id: int) -> None:
    """Send a webhook endpoint the events that are due, for a turn of some seconds; once at a time."""
    if send_due_events(endpoint_id, partial(datetime.now, UTC)):
        wake_events(endpoint_id)


@shared_task(name="mailer.tasks.strike", ignore_result=True)
def strike() -> None:
    """Take people who were erased out of the files of imports."""
    strike_erased(timezone.now())


@shared_task(base=LoggedTask, name="mailer.tasks.purge", track_started=True)
def purge() -> dict[str, int]:
    """Each night: delete what is older than LOG_RETENTION_DAYS and the other settings of its kind allow."""
    strike_erased(timezone.now())
    purge_imports(timezone.now())
    forget_forms(timezone.now())
    forget_scores(timezone.now())
    before = timezone.now() - timedelta(days=settings.LOG_RETENTION_DAYS)
    changes = purge_changes(timezone.now() - timedelta(days=settings.HISTORY_RETENTION_DAYS))
    messages = purge_messages(timezone.now() - timedelta(days=settings.MESSAGE_DAYS))
    events = purge_events(timezone.now() - timedelta(days=settings.EVENT_DAYS))
    sign_ups = purge_pending(settings.PENDING_DAYS, timezone.now())
    more = {"changes": changes, "events": events, "sign_ups": sign_ups}
    return {**purge_log(before), **purge_notes(before), **messages, **more}


class NotifyTask(LoggedTask):
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
