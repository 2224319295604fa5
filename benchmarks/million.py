"""A list of a million: planning, the first mail, memory, and importing."""

import csv
import time
from io import StringIO
from pathlib import Path

from django.core.management import call_command
from django.db.models import Max, Min
from django.utils import timezone

from benchmarks.programs import Programs
from benchmarks.rounds import Case, Results, run_case
from benchmarks.stock import add_shared_items, make_digest, make_list
from benchmarks.whole_path import WholePath
from benchmarks.worker import Worker
from config.celery import app
from mailer.models import Claim, Delivery, Digest, Import, Mailing, RecipientList
from mailer.scheduling.planning import complete, plan_now
from mailer.tasks import send_digest

FEW, MANY = 20_000, 1_000_000


class Planning:
    """One statement inside the database."""

    def __init__(self, mailing_list: RecipientList) -> None:
        """The list is there already."""
        self._list = mailing_list

    def run(self) -> dict[str, float]:
        """Seconds until the mailing has all its deliveries and may go."""
        digest = make_digest(self._list)
        started = time.perf_counter()
        mailing = plan_now(digest, timezone.now())
        complete(mailing.pk)
        seconds = time.perf_counter() - started
        stop(digest)
        return {"plan_s": seconds}


class FirstMail:
    """How long after the digest is fired the first mail is acknowledged; the worker is warm."""

    def __init__(self, mailing_list: RecipientList) -> None:
        """The list is there already."""
        self._list = mailing_list

    def run(self) -> dict[str, float]:
        """Seconds by the clock that both have."""
        digest = make_digest(self._list)
        last = Delivery.objects.aggregate(last=Max("pk"))["last"] or 0
        earliest = Delivery.objects.filter(pk__range=(last + 1, last + 10_000), mailing__digest=digest)
        fired = timezone.now()
        send_digest.delay(digest.slug)
        while (first := earliest.aggregate(at=Min("sent_at"))["at"]) is None:
            time.sleep(0.05)
        stop(digest)
        return {"first_mail_s": (first - fired).total_seconds()}


def import_case(folder: str, rows: int) -> Case:
    """Importing new people from a CSV file; the file is made ahead."""
    path = Path(folder) / "people.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["email", "name", "time_zone", "language", "city"])
        writer.writerows([f"new{n}@import.example.org", f"New {n}", "Europe/Berlin", "de", "Kiel"] for n in range(rows))

    def run() -> dict[str, float]:
        mailing_list = RecipientList.objects.create(slug="imported", name="Imported")
        started = time.perf_counter()
        call_command("import_recipients", mailing_list.slug, path, stdout=StringIO())
        seconds = time.perf_counter() - started
        counts = Import.objects.latest("pk").counts
        if counts["new"] != rows:
            raise RuntimeError(f"not all were imported: {counts}")
        return {"import_s": seconds}

    return Case("import", run)


def memory_case(programs: Programs) -> Case:
    """A worker's peak memory after a long list against a short one, a new worker for each."""
    lists = [make_list(f"memory-{people}", people) for people in (FEW, MANY)]

    def run() -> dict[str, float]:
        peaks = []
        for mailing_list in lists:
            add_shared_items(mailing_list)
            worker = Worker(programs)
            WholePath("memory", mailing_list, worker).run()
            peaks.append(worker.peak_megabytes())
            worker.stop()
        return {"memory_few_mb": peaks[0], "memory_many_mb": peaks[1], "memory_ratio": peaks[1] / peaks[0]}

    return Case("memory", run)


def stop(digest: Digest) -> None:
    """What is not sent of the digest is not to be sent: when this returns, it is planned and nobody works on it."""
    while Mailing.objects.filter(digest=digest, has_more=True).exists():
        time.sleep(0.05)
    Mailing.objects.filter(digest=digest).update(status=Mailing.Status.CANCELLED, finished_at=timezone.now())
    app.control.purge()
    while Claim.objects.filter(mailing__digest=digest).exists():
        time.sleep(0.05)


def measure(people: int, runs: int, worker: Worker, results: Results) -> None:
    """Planning and the first mail on a list of so many."""
    mailing_list = make_list("long", people)
    add_shared_items(mailing_list)
    for _ in range(runs):
        run_case(Case("plan", Planning(mailing_list).run), results)
    for _ in range(runs):
        run_case(Case("first mail", FirstMail(mailing_list).run), results)
