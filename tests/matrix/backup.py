"""A backup is restored: what had gone out since is not sent again, and what is new goes out under new ids."""

import subprocess
import time
from collections import Counter
from datetime import timedelta
from typing import Any

from django.utils import timezone

from mailer.models import Digest
from mailer.scheduling.planning import plan_due, plan_now
from mailer.waking import wake_mailing
from tests.build import make_item
from tests.crash.rules import Ledger
from tests.matrix.place import Place
from tests.matrix.world import Inexact, check, make_lists, send, wait_for_workers, wait_until_done
from tests.servers import postgresql_program

#: Two ticks of beat, and what they may wake.
_LONG_ENOUGH = 65.0


def restore_a_backup(place: Place) -> dict[str, Any]:
    """Backed up before an afternoon's digests and while one was open; restored after them."""
    place.start_sink()
    digests = make_lists(people=400)
    worker = place.start_worker("before", "--concurrency 2")
    wait_for_workers()
    wait_until_done(send(digests[:2]))
    make_item(digests[0].list, "Something newer", published_at=timezone.now() - timedelta(minutes=1))
    _make_due(digests[2:])
    begun = plan_now(digests[0], timezone.now())
    dump = place.folder / "backup"
    _run("pg_dump", "--format=custom", f"--file={dump}", place.environment["DATABASE_URL"])
    sent = [begun, *plan_due(timezone.now())]
    for mailing in sent:
        wake_mailing(mailing.pk)
    wait_until_done(sent)
    last_id = sent[-1].deliveries.latest("pk").pk
    worker.terminate(60)
    ledger = Ledger(place.ledger)
    before = ledger.read()

    place.use_database(f"{place.database}_restored", "template0")
    _run("pg_restore", "--no-owner", f"--dbname={place.environment['DATABASE_URL']}", str(dump))
    said = place.manage("hold_after_restore", "--yes")
    place.start_worker("after", "--concurrency 2")
    place.start_beat()
    time.sleep(_LONG_ENOUGH)
    if ledger.read() != before:
        raise Inexact(f"{len(ledger.times) - before} mails went out a second time")

    for digest in Digest.objects.filter(pk__in=[digest.pk for digest in digests]):
        make_item(digest.list, "After the restore", published_at=timezone.now() - timedelta(minutes=1))
    again = send(list(Digest.objects.order_by("pk")))
    wait_until_done(again)
    check(place, again)
    ledger.read()
    if again[0].deliveries.earliest("pk").pk <= last_id or set(Counter(ledger.taken).values()) - {1}:
        raise Inexact("ids were used twice")
    return {
        "mails": len(ledger.times),
        "held": said.split(".")[0],
        "sent after it": sum(mailing.sent for mailing in again),
    }


def _make_due(digests: list[Digest]) -> None:
    """Their time was a minute ago, and nobody has looked since."""
    for digest in digests:
        task = digest.periodic_task
        if task is None or task.crontab is None:
            raise Inexact(f"{digest} has no schedule")
        soon = timezone.now() - timedelta(minutes=1)
        type(task.crontab).objects.filter(pk=task.crontab.pk).update(hour=soon.hour, minute=soon.minute)
        Digest.objects.filter(pk=digest.pk).update(checked_through=soon - timedelta(minutes=5))


def _run(program: str, *words: str) -> None:
    done = subprocess.run([postgresql_program(program), *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{program}: {done.stderr[-1500:]}")
