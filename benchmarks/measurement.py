"""What is measured on one database, in which order and how often."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command

from benchmarks import latency, million, peer
from benchmarks.generator import Generator
from benchmarks.letters import Sample, make_sample
from benchmarks.plain_loop import PlainLoop
from benchmarks.postfix import Postfix
from benchmarks.programs import Programs
from benchmarks.raw_bytes import RawBytes
from benchmarks.rounds import Case, Results, run_rounds
from benchmarks.stock import add_personal_items, add_shared_items, make_list
from benchmarks.whole_path import WholePath
from benchmarks.worker import Worker
from mailer.models import RecipientList


@dataclass(frozen=True)
class Plan:
    """What the command line asked for."""

    folder: str
    sink_port: int
    source: str | None
    why_no_source: str
    rounds: int
    mails: int
    personal_mails: int
    loop_mails: int
    peer_mails: int
    far: bool  #: the cases with a far mail server, which have no database
    people: int  #: on the longest list; 0 leaves out what needs it
    imported: int


def measure(options: dict[str, Any]) -> dict[str, Any]:
    """All of it. Returns figures, each with every run's value, and what was left out."""
    plan, results = Plan(**options), Results()
    call_command("migrate", verbosity=0)
    call_command("sync_templates", verbosity=0)
    shared = make_list("shared", plan.mails)
    add_shared_items(shared)
    personal = make_list("personal", plan.personal_mails)
    add_personal_items(personal)
    sample = make_sample(shared, min(2000, plan.mails))
    with Programs(Path(plan.folder)) as programs:
        worker = Worker(programs)
        _warm_up(worker)
        cases = _cases(plan, results, sample, [shared, personal], worker)
        if plan.far:
            cases += latency.cases(programs, plan, sample.envelopes)
        run_rounds(cases, plan.rounds, results)
        million.measure(plan, programs, worker, results)
    return {"message_bytes": sample.average_size, "values": results.all(), "skipped": results.skipped}


def _warm_up(worker: Worker) -> None:
    few = make_list("few", 4000)
    add_shared_items(few)
    WholePath("warm", few, worker).run()


def _cases(
    plan: Plan, results: Results, sample: Sample, lists: list[RecipientList], worker: Worker
) -> list[Case]:
    shared, personal = lists
    cases = [Case("whole path", WholePath("whole_path", shared, worker).run)]
    if plan.source:
        generator = Generator(plan.source, plan.sink_port, sample.average_size, plan.mails * 2)
        cases.append(Case("smtp-source", generator.run))
    else:
        results.skip("vs_smtp_source", plan.why_no_source)
    cases.append(Case("raw bytes", RawBytes(sample.envelopes, plan.mails).run))
    cases.append(Case("plain loop", PlainLoop(sample, plan.loop_mails).run))
    cases.append(Case("own items", WholePath("own_items", personal, worker).run))
    cases.append(Case("django-post_office", peer.PostOffice(plan, sample).run))
    return cases


def relay_of(postfix: Postfix) -> str:
    """For the settings."""
    return f"{postfix.sink_name}, {settings.RELAY.connections} connections a process"
