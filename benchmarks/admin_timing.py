"""Times the admin's pages over a large log, and prints them as a table, the slowest first."""

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import ceil
from statistics import median

from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from benchmarks.admin_routes import routes
from benchmarks.log_stock import fill
from benchmarks.machine import Neighbours, describe
from benchmarks.programs import ROOT
from mailer.models import Delivery, Recipient

#: Milliseconds that the 95th percentile of a page may take.
GOAL = 300


@dataclass(frozen=True)
class Timing:
    """One page."""

    page: str
    address: str
    p95: float  #: milliseconds
    median: float
    first: float  #: the first request, whose rows nobody had asked for before
    database: float  #: what of the median the queries took
    queries: int


def measure(people: int, requests: int, only: Sequence[str] = ()) -> None:
    """Fill the database if it is empty, walk the pages, print the table; if it was all of them, keep it."""
    call_command("migrate", verbosity=0)
    call_command("sync_templates", verbosity=0)
    started = time.monotonic()
    if not Recipient.objects.exists():
        fill(people)
        _say(f"filled in {time.monotonic() - started:.0f} s")
    client, neighbours = _staff(), Neighbours()
    timings = []
    for name, address in routes(client):
        if only and not any(text in name for text in only):
            continue
        timing = _time(client, name, address, requests)
        if timing is not None:
            timings.append(timing)
    others = neighbours.cores()
    _print(sorted(timings, key=lambda timing: -timing.p95), requests, others)
    if only:
        return
    kept = {"machine": describe(), "others": others, "pages": [asdict(timing) for timing in timings]}
    (ROOT / "benchmarks" / "latest-admin.json").write_text(json.dumps(kept, indent=1), encoding="utf-8")


def _time(client: Client, name: str, address: str, requests: int) -> Timing | None:
    """None for an address that is no page: one that answers only to POST, or that does not exist for anybody."""
    taken: list[float] = []
    counts: list[int] = []
    in_database: list[float] = []
    for _ in range(requests + 1):
        with CaptureQueriesContext(connection) as queries:
            begun = time.perf_counter()
            answer = client.get(address)
            taken.append((time.perf_counter() - begun) * 1000)
        counts.append(len(queries))
        in_database.append(1000 * sum(float(query["time"]) for query in queries))
        if answer.status_code != 200:
            _say(f"  {name}: {answer.status_code}")
            return None
    again = sorted(taken[1:])
    p95 = again[ceil(0.95 * len(again)) - 1]
    timing = Timing(name, address, p95, median(again), taken[0], median(in_database[1:]), max(counts))
    _say(f"  {name}: p95 {timing.p95:.0f} ms, {timing.database:.0f} in {timing.queries} queries")
    if len(set(counts[1:])) > 1:
        _say(f"    QUERIES VARY: {sorted(set(counts[1:]))}")
    return timing


def _print(timings: list[Timing], requests: int, others: float) -> None:
    met = sum(timing.p95 < GOAL for timing in timings)
    print(f"{describe()}. Others used {others:.2f} cores on average.")
    print(f"{Recipient.objects.count():,} recipients, {Delivery.objects.count():,} deliveries on PostgreSQL.")
    print(f"{met} of {len(timings)} pages within {GOAL} ms; {requests} requests each after a first one.\n")
    print("| Page | p95, ms | median | of it queries | first request | queries |\n|---|---|---|---|---|---|")
    for timing in timings:
        figures = (timing.p95, timing.median, timing.database, timing.first)
        print(f"| {timing.page} | {' | '.join(f'{figure:.0f}' for figure in figures)} | {timing.queries} |")


def _staff() -> Client:
    client = Client()
    user, _ = User.objects.get_or_create(username="staff", defaults={"is_staff": True, "is_superuser": True})
    client.force_login(user)
    return client


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
