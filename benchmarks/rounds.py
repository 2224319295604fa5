"""Measures cases in turns, so that what disturbs the machine for a while disturbs all of them."""

import statistics
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from benchmarks.machine import Neighbours


@dataclass(frozen=True)
class Case:
    """Something to measure: one run gives figures by name, mostly mails a second."""

    name: str
    run: Callable[[], dict[str, float]]


@dataclass(frozen=True)
class Spread:
    """What several runs gave."""

    median: float
    least: float
    most: float
    runs: int


class Results:
    """All figures of a measurement, and why others are missing."""

    def __init__(self) -> None:
        """Empty."""
        self._values: defaultdict[str, list[float]] = defaultdict(list)
        self.skipped: dict[str, str] = {}
        self.neighbours: list[float] = []

    def add(self, figures: dict[str, float]) -> None:
        """One run's figures."""
        for name, value in figures.items():
            self._values[name].append(value)

    def skip(self, name: str, why: str) -> None:
        """A figure that can't be had here."""
        self.skipped[name] = why

    def spread(self, name: str) -> Spread | None:
        """Of a figure."""
        values = self._values.get(name)
        return Spread(statistics.median(values), min(values), max(values), len(values)) if values else None

    def median(self, name: str) -> float | None:
        """Of a figure."""
        found = self.spread(name)
        return found.median if found else None

    def names(self) -> list[str]:
        """Of all figures, in the order of their first run."""
        return list(self._values)


def run_rounds(cases: Iterable[Case], rounds: int, results: Results) -> None:
    """Run every case once a round."""
    for number in range(1, rounds + 1):
        for case in cases:
            run_case(case, results, f"round {number} of {rounds}")


def run_case(case: Case, results: Results, when: str = "once") -> None:
    """Run a case, noting what others used of the machine meanwhile."""
    neighbours = Neighbours()
    figures = case.run()
    results.add(figures)
    others = neighbours.cores()
    results.neighbours.append(others)
    said = ", ".join(f"{name} {value:,.4g}" for name, value in figures.items())
    print(f"  {when}: {said} (others: {others:.1f} cores)", file=sys.stderr, flush=True)
