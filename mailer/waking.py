"""Telling the workers that there is work: small messages with ids. What the broker does not take, the tick finds."""

import logging
import time
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import uuid4

from celery import current_app
from django.db import transaction
from django.utils import timezone
from kombu.exceptions import OperationalError

from mailer.models import Import, Mailing
from mailer.sending.claim import Range
from mailer.sending.holding import begin_turns
from mailer.sending.stopping import stopping
from mailer.sending.wakeups import SHARE_EVERY, due_ranges, note_woken, waiting_mailings

logger = logging.getLogger(__name__)
Woken = TypeVar("Woken", int, Range)

#: A notification that is due later than this is not put into the broker; the tick finds it when it is due.
LONGEST_COUNTDOWN = timedelta(minutes=15)
#: Seconds by which the planning of the rest lets the first mails go ahead: on SQLite it holds the write lock.
PLAN_REST_AFTER = 1
#: Seconds after which nobody need act on a message of events: the tick has sent another meanwhile.
EVENTS_WAIT = 60
#: Seconds for which a process asks the broker for no more events after it could not be used.
LET_BE = 30.0
_let_be = {"until": 0.0}


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
    woken = all(_publish("deliver", part, queue=_queue_of(mailing)) for part in parts)
    if woken and mailing.has_more:
        woken = _publish("plan_rest", (mailing_id,), countdown=PLAN_REST_AFTER)
    if woken and mailing.spread_until is not None and mailing.spread_until > now - SHARE_EVERY:
        woken = _publish("send_next_share", (mailing_id,), countdown=SHARE_EVERY.total_seconds())
    return woken


def wake_each(wake: Callable[[Woken], bool], asleep: Iterable[Woken]) -> None:
    """Until the broker does not take one: it is down, and so it is for the others."""
    for each in asleep:
        if not wake(each):
            return


def wake_range(part: Range) -> bool:
    """Have a part of a mailing sent. Returns whether the broker took it; if not, the tick finds what is due."""
    mailing = Mailing.objects.get(pk=part.mailing_id)
    return _publish("deliver", (part.mailing_id, part.first, part.last), queue=_queue_of(mailing))


def wake_release(turn: int, after: timedelta) -> bool:
    """Have mails that wait for a sending limit let go. Returns whether the broker took it; else the tick sees to it."""
    return _publish("release_held", (turn,), countdown=max(0.0, after.total_seconds()))


def begin_to_release() -> None:
    """Begin a chain of turns, unless nothing waits for a sending limit or a chain is under way."""
    turn = begin_turns(timezone.now())
    if turn is not None:
        wake_release(turn, timedelta())


def call_for_others(summary: dict[str, Any]) -> None:
    """Wake others for what a run, by its summary, has left to them.

    What has to wait for a sending limit; what it gave back because its worker is told to end, as in an upgrade; and all
    that waited for a mail server of which it has found that it works again.
    """
    if summary["held"]:
        begin_to_release()
    if summary["released"] and stopping():
        wake_mailing(summary["mailing"])
    if summary["resumed"]:
        wake_each(wake_mailing, waiting_mailings(timezone.now(), is_patient=False))


def wake_cancellation(mailing_id: int) -> bool:
    """Have a cancelled mailing's rows cancelled. Returns whether the broker took it; if not, the tick does it."""
    return _publish("close", (mailing_id,))


def wake_count(mailing_id: int) -> bool:
    """Have the figures of a mailing that has ended counted. Returns whether the broker took it."""
    return _publish("count", (mailing_id,), queue="bulk")


def wake_count_people(list_id: int) -> bool:
    """Have a long list's figures counted. Returns whether the broker took it."""
    return _publish("count_people", (list_id,), queue="bulk")


def wake_import(import_id: int) -> bool:
    """Tell a worker of an import that has to be worked on. Returns whether the broker took it; else the tick tries."""
    Import.objects.filter(pk=import_id).update(woken_at=timezone.now())
    return _publish("work_on_import", (import_id,), queue="bulk")


def wake_feed(feed_id: int) -> bool:
    """Have a feed read. Returns whether the broker took it; if not, a later tick tries."""
    return _publish("read_feed", (feed_id,), queue="bulk")


def wake_events(endpoint_id: int) -> bool:
    """Have a webhook endpoint's events sent. Returns whether the broker took it; if not, the tick tries again.

    Events are written while mails are sent, and a broker that is away takes seconds to say so: then it is let be.
    """
    if time.monotonic() < _let_be["until"]:
        return False
    woken = _publish("deliver_events", (endpoint_id,), expires=EVENTS_WAIT)
    if not woken:
        _let_be["until"] = time.monotonic() + LET_BE
    return woken


def wake_striking() -> bool:
    """Have the files of imports forget who was erased. Returns whether the broker took it; else the night does it."""
    return _publish("strike", (), queue="bulk")


def _wake_notification(mailing: Mailing, due: datetime, task_id: str) -> None:
    remaining = due - timezone.now()
    if remaining <= LONGEST_COUNTDOWN:
        pk = mailing.only_delivery.pk
        countdown = max(0.0, remaining.total_seconds())
        _publish("deliver", (mailing.pk, pk, pk), queue=_queue_of(mailing), task_id=task_id, countdown=countdown)


def _queue_of(mailing: Mailing) -> str:
    single = mailing.kind in (Mailing.Kind.NOTIFICATION, Mailing.Kind.TEST)
    return "transactional" if single else "bulk"


def _publish(task: str, args: tuple[int, ...], **options: Any) -> bool:
    """Whether the broker took the message. By the task's name: tasks wake each other, so none imports another here."""
    try:
        current_app.tasks[f"mailer.tasks.{task}"].apply_async(args=args, retry=False, **options)
    except OperationalError as error:
        logger.warning("The broker can't be used (%s); the next tick will send %s %s again", error, task, args)
        return False
    return True
