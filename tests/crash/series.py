"""One database's rounds: in each a mailing goes out, a fault strikes, and the rules are read. A line of JSON a round."""

import json
import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from random import Random
from typing import NoReturn

import django
from django.db import connection

django.setup()

from django.core.management import call_command  # noqa: E402 - from here on what needs the models
from django.utils import timezone  # noqa: E402

from mailer.models import Digest, EmailTemplate, Mailing, Recipient, RecipientList, SendingLimit, Subscription  # noqa: E402
from mailer.scheduling.planning import plan_now  # noqa: E402
from mailer.sending.patience import insist  # noqa: E402
from mailer.templating.sync import sync_folder, template_folders  # noqa: E402
from mailer.waking import wake_mailing  # noqa: E402
from tests.build import make_item  # noqa: E402
from tests.crash.events import STRIKES, Events  # noqa: E402
from tests.crash.faults import FAULTS, Fault, mount_small_disk, unmount  # noqa: E402
from tests.crash.program import wait_for  # noqa: E402
from tests.crash.rules import Ledger, Row, examine  # noqa: E402
from tests.crash.stack import Stack, nap  # noqa: E402
from tests.crash.waits import shorten  # noqa: E402

#: How many people there are, and how long the sink takes for a mail: a run lasts seconds, so that a fault hits it.
PEOPLE = {"short": 2_500, "long": 20_000}
DELAY = {"short": 0.03, "long": 0.01}
#: A round that has not ended by itself after this never will.
LIMIT = 200.0


class Series:
    """A stack of processes that lives through one fault after the other."""

    def __init__(self, seed: str, database: str) -> None:
        self.form = os.environ["CRASH_FORM"]
        self.database, self.chance = database, Random(f"{seed} {database}")  # noqa: S311 - no secret
        self.stack = Stack(os.environ, DELAY[self.form])
        self.has_disk = mount_small_disk(self.stack.journals)

    def run(self, rounds: int, only: str) -> None:
        self._begin()
        chosen = [fault for fault in FAULTS if fault.database in ("", self.database) and only in fault.name]
        for number in range(rounds or len(chosen)):
            if number % len(chosen) == 0:
                self.chance.shuffle(chosen)
            fault = chosen[number % len(chosen)]
            if fault.name.startswith("the journal's disk") and not self.has_disk:
                _tell({"skipped": fault.name, "why": "only root may mount a small disk"})
                continue
            play = self._play_events if fault.of_events else self._play
            _tell(asdict(play(fault, number)))
        late = sum(times - 1 for times in self.ledger.taken.values()) if self.ledger.read() else 0
        _tell({"twice in all": late})

    def stop(self) -> None:
        self.stack.stop()
        unmount(self.stack.journals)

    def _begin(self) -> None:
        self.stack.start_servers()
        wait_for(_database_answers, "the database")
        call_command("migrate", verbosity=0)
        for folder in template_folders():
            sync_folder(folder)
        people = [Recipient(email=f"p{n}@example.org", name=f"Person {n}") for n in range(PEOPLE[self.form])]
        mailing_list = RecipientList.objects.create(slug="news", name="News")
        recipients = Recipient.objects.bulk_create(people, batch_size=1000)
        subscriptions = [Subscription(list=mailing_list, recipient=recipient) for recipient in recipients]
        Subscription.objects.bulk_create(subscriptions, batch_size=1000)
        template = EmailTemplate.objects.get(slug="digest")
        self.digest = Digest.objects.create(slug="news", name="News", list=mailing_list, template=template)
        self.ledger = Ledger(self.stack.ledger)
        self.stack.start_workers()

    def _play(self, fault: Fault, number: int) -> Row:
        make_item(self.digest.list, f"News of round {number}", published_at=timezone.now())
        _set_limit(fault.per_second)
        before = self.ledger.read()
        mailing = plan_now(self.digest, timezone.now())
        for _ in range(fault.copies):
            wake_mailing(mailing.pk)
        enough = before + int(self.chance.uniform(0.01, 0.9) * mailing.planned)
        wait_for(lambda: self.ledger.read() >= enough, "the first mails", pause=0.005)
        time.sleep(self.chance.uniform(0, 0.05))
        _say(f"{self.database} {number}: {fault.name}, after {self.ledger.read() - before} mails")
        complaint = fault.strike(self.stack, self.chance)
        back = time.monotonic()
        row = Row(fault.name, self.database, most_uncertain=fault.doubt, broken=[complaint] if complaint else [])
        done = self._await_end(lambda: Mailing.objects.filter(pk=mailing.pk, status=Mailing.Status.DONE).exists())
        nap(0.5)
        self.ledger.read()
        row.recovered = round(self.ledger.longest_silence(back, done), 1)
        self.stack.second_beat.kill()
        insist(lambda: _set_limit(0))
        return examine(insist(lambda: Mailing.objects.get(pk=mailing.pk)), self.ledger, row)

    def _play_events(self, fault: Fault, number: int) -> Row:
        events = Events(self.stack.receiver_url, self.stack.events)
        events.write(self.digest.list)
        row = Row(fault.name, self.database, most_uncertain=fault.doubt)
        for share in STRIKES:
            enough = int(self.chance.uniform(share - 0.2, share) * events.written)
            events.wait_for(enough, LIMIT)
            time.sleep(self.chance.uniform(0, 0.2))
            _say(f"{self.database} {number}: {fault.name}, after {len(events.arrived())} events")
            fault.strike(self.stack, self.chance)
        back = time.monotonic()
        done = self._await_end(events.are_over)
        nap(0.5)
        return events.examine(row, back, done)

    def _await_end(self, is_over: Callable[[], bool]) -> float:
        """When it was over (or given up on); what dies by itself meanwhile is started again, as by a supervisor."""
        ends, died = time.monotonic() + LIMIT, set()
        while time.monotonic() < ends:
            died.update(self.stack.revive())
            if insist(is_over):
                break
            time.sleep(0.1)
        if died:
            _say(f"{self.database}: died by itself and was started again: {', '.join(sorted(died))}")
        return time.monotonic()


def _set_limit(per_second: int) -> None:
    """So many mails a second and no more, from here on; 0: as many as can be."""
    SendingLimit.objects.all().delete()
    if per_second:
        SendingLimit.objects.create(scope=SendingLimit.Scope.ALL, mails=per_second, per=1, kept=0)


def _database_answers() -> bool:
    try:
        connection.ensure_connection()
    except django.db.OperationalError:
        return False
    return True


def _tell(line: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def _say(line: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {line}\n")


def _leave(number: int, frame: object) -> NoReturn:
    raise SystemExit(128 + number)


def main(database: str, seed: str, rounds: int, only: str) -> None:
    signal.signal(signal.SIGTERM, _leave)
    Path(os.environ["VAR_DIR"]).mkdir()
    shorten()
    logging.getLogger("mailer").setLevel(logging.ERROR)  # we wait for the database too, and that is no news
    series = Series(seed, database)
    try:
        series.run(rounds, only)
    finally:
        series.stop()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4])
