"""What is measured on one database, in which order and how often."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.core.management import call_command

from benchmarks import api_load, latency, million
from benchmarks.generator import Generator
from benchmarks.letters import Sample, make_sample
from benchmarks.peer import PostOffice
from benchmarks.plain_loop import PlainLoop
from benchmarks.programs import Programs
from benchmarks.raw_bytes import RawBytes
from benchmarks.rounds import Case, Results, run_case, run_rounds
from benchmarks.stock import add_personal_items, add_shared_items, make_list
from benchmarks.whole_path import WholePath
from benchmarks.worker import Worker
from mailer.models import RecipientList


@dataclass(frozen=True)
class Plan:
    """What is asked for."""

    folder: str
    sink_port: int
    source: str | None  #: smtp-source, if it is there
    rounds: int
    mails: int  #: a round of the fast cases
    own_items_mails: int
    slow_mails: int  #: a round of the slow cases
    requests: int  #: a round of the API's clients
    far: int  #: how long the cases with a far mail server are, which have no database; 0 leaves them out
    people: int  #: on the longest list; 0 leaves out what needs it
    runs: int  #: with that list
    imported: int
    memory: bool


def measure(options: dict[str, Any]) -> dict[str, Any]:
    """All of it. Returns every run's figures."""
    plan, results = Plan(**options), Results()
    call_command("migrate", verbosity=0)
    call_command("sync_templates", verbosity=0)
    with Programs(Path(plan.folder)) as programs:
        taking = api_load.cases(programs, plan.requests)
        shared = make_list("shared", plan.mails)
        add_shared_items(shared)
        own = make_list("own", plan.own_items_mails)
        add_personal_items(own)
        sample = make_sample(shared, min(2000, plan.mails))
        worker = Worker(programs)
        _warm_up(worker)
        cases = _cases(plan, sample, shared, own, worker) + taking
        if plan.far:
            cases += latency.cases(programs, plan.sink_port, sample.envelopes, plan.far)
        run_rounds(cases, plan.rounds, results)
        _measure_long_list(plan, programs, worker, results)
    return {"message_bytes": sample.average_size, "values": results.values, "neighbours": results.neighbours}


def _warm_up(worker: Worker) -> None:
    few = make_list("few", 4000)
    add_shared_items(few)
    WholePath("warm", few, worker).run()


def _cases(plan: Plan, sample: Sample, shared: RecipientList, own: RecipientList, worker: Worker) -> list[Case]:
    cases = [Case("whole path", WholePath("whole_path", shared, worker).run)]
    if plan.source:
        generator = Generator(plan.source, plan.sink_port, sample.average_size, plan.mails)
        cases.append(Case("smtp-source", generator.run))
    return [
        *cases,
        Case("raw bytes", RawBytes(sample.envelopes, plan.mails).run),
        Case("plain loop", PlainLoop(sample, plan.slow_mails).run),
        Case("own items", WholePath("own_items", own, worker).run),
        Case("django-post_office", PostOffice(plan.folder, plan.sink_port, sample, plan.slow_mails * 8).run),
    ]


def _measure_long_list(plan: Plan, programs: Programs, worker: Worker, results: Results) -> None:
    if plan.people:
        million.measure(plan.people, plan.runs, worker, results)
    worker.stop()
    if plan.memory:
        run_case(million.memory_case(programs), results)
    if plan.imported:
        run_case(million.import_case(plan.folder, plan.imported), results)
