"""What a row does, by its name."""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from mailer.models import Delivery, Mailing
from mailer.notify import notify_user
from tests.crash.program import wait_for
from tests.crash.rules import Ledger
from tests.matrix.backup import restore_a_backup
from tests.matrix.clock import Clock
from tests.matrix.pacing import keep_to_limits, send_from_two_hosts
from tests.matrix.place import Place
from tests.matrix.upgrade import upgrade_while_sending
from tests.matrix.world import Inexact, check, make_lists, measure, send, sync_templates, wait_for_workers

Found = dict[str, Any]
_MAIL = {"heading": "Your book is ready", "message": "Pick it up.", "button_text": "", "button_url": ""}
#: A single mail has this long while a bulk run is on, in seconds at the 95th percentile.
_QUICK = 2.0
#: After its time, at most, in seconds: the tick comes each half minute to what is not in the broker any more.
_LATEST = 45.0


def send_a_digest(place: Place, options: str, seconds: float = 0.0, workers: int = 1, **environment: str) -> Found:
    """Four digests to 250 people each, by workers with these options; a mail takes the mail server so many seconds."""
    place.start_sink(seconds)
    digests = make_lists()
    for number in range(workers):
        place.start_worker(f"worker{number}", options, **environment)
    wait_for_workers(workers)
    return measure(place, digests)


def replace_children(place: Place) -> Found:
    """Each child ends after two tasks, while there is work for many more."""
    place.start_sink(0.002)
    digests = make_lists(people=1_000, lists=20)
    worker, seen = place.start_worker(options="--concurrency 2 --max-tasks-per-child 2"), set[int]()
    wait_for_workers()
    mailings = send(digests)

    def watch() -> bool:
        seen.update(worker.children())
        return not _open(mailings)

    wait_for(watch, "the mailings", 120, 0.02)
    check(place, mailings)
    if len(seen) < 4:
        raise Inexact(f"only {len(seen)} children were seen")
    return {"mails": 1_000, "children seen": len(seen)}


def scale(place: Place) -> Found:
    """With much to do there are more children than three, up to ten."""
    place.start_sink(0.05)
    digests = make_lists(people=2_000, lists=20)
    worker, counts = place.start_worker(options="--autoscale 10,3"), [0]
    wait_for_workers()
    mailings = send(digests)

    def watch() -> bool:
        counts.append(len(worker.children()))
        return not _open(mailings)

    wait_for(watch, "the mailings", 120, 0.1)
    check(place, mailings)
    if not 3 < max(counts) <= 10:
        raise Inexact(f"it had at most {max(counts)} children")
    return {"mails": 2_000, "children at most": max(counts)}


def keep_single_mails_quick(place: Place) -> Found:
    """Fifty single mails while a bulk run has work for a minute, each queue with a worker of its own."""
    place.start_sink(0.01)
    digests = make_lists(people=16_000, lists=8)
    place.start_worker("bulk", "--concurrency 2", "default,bulk")
    place.start_worker("single", "--concurrency 2", "transactional")
    wait_for_workers(2)
    bulk, ledger = send(digests), Ledger(place.ledger)
    wait_for(lambda: ledger.read() > 500, "the bulk run", 60)
    singles = [_notify_soon(number) for number in range(50)]
    wait_for(lambda: not _unsent(singles), "the single mails", 90, 0.05)
    if not _open(bulk):
        raise Inexact("the bulk run had ended")
    rows = Delivery.objects.filter(mailing__in=singles).values_list("mailing__created_at", "sent_at")
    waits = sorted((sent - created).total_seconds() for created, sent in rows)
    late = waits[int(len(waits) * 0.95) - 1]
    if late >= _QUICK:
        raise Inexact(f"the 95th percentile is {late:.2f} s; the median {waits[len(waits) // 2]:.2f} s")
    return {"mails": len(waits), "p95 s": round(late, 2)}


def send_later(place: Place) -> Found:
    """A mail in 10 s, one in 10 minutes and one in 3 h: each once and on time. The clock is moved, not waited for."""
    place.start_sink()
    sync_templates()
    clock = Clock(place)
    place.start_worker("worker", "--concurrency 2", **clock.environment)
    place.start_beat(**clock.environment)
    wait_for_workers()
    began = timezone.now()
    waits = (10, 600, 10_800)
    mailings = {seconds: _notify(seconds, seconds) for seconds in waits}
    late = {}
    for seconds in waits:
        clock.move_to(began + timedelta(seconds=seconds - 8))
        wait_for(lambda pk=mailings[seconds]: not _unsent([pk]), f"the mail in {seconds} s", 120, 0.1)
        late[f"{seconds} s"] = _lateness(mailings[seconds], began + timedelta(seconds=seconds))
    ledger = Ledger(place.ledger)
    ledger.read()
    if set(Counter(ledger.recipients.values()).values()) != {1} or len(ledger.times) != len(waits):
        raise Inexact(f"{len(ledger.times)} mails came")
    if not all(-1 < seconds < _LATEST for seconds in late.values()):
        raise Inexact(f"late by {late} s")
    return {"mails": len(waits), "late s": late}


def _open(mailings: list[Mailing]) -> bool:
    ids = [mailing.pk for mailing in mailings]
    return Mailing.objects.filter(pk__in=ids).exclude(status=Mailing.Status.DONE).exists()


def _notify_soon(number: int) -> int:
    """Somebody asks for a password five times a second; fifty at once would wait for each other."""
    time.sleep(0.2)
    return _notify(number)


def _unsent(mailings: list[int]) -> bool:
    return Delivery.objects.filter(mailing__in=mailings).exclude(status=Delivery.Status.SENT).exists()


def _lateness(mailing: int, due: datetime) -> float:
    sent = Delivery.objects.get(mailing=mailing).sent_at
    return round((sent - due).total_seconds(), 1) if sent else float("inf")


def _notify(number: int, countdown: float = 0) -> int:
    """Returns the mailing's id."""
    key = f"mail {number}"
    notify_user(f"single{number}@example.org", "notification", _MAIL, countdown=countdown, key=key)
    return Mailing.objects.get(key=key).pk


CASES: Mapping[str, Callable[..., Found]] = {
    "digest": send_a_digest,
    "children": replace_children,
    "autoscale": scale,
    "single": keep_single_mails_quick,
    "later": send_later,
    "backup": restore_a_backup,
    "upgrade": upgrade_while_sending,
    "hosts": send_from_two_hosts,
    "pacing": keep_to_limits,
}
