"""Measures cases in turns, so that what disturbs the machine for a while disturbs all of them."""

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


class Results:
    """Every run's figures by name, and how many cores others used meanwhile."""

    def __init__(self) -> None:
        """Empty."""
        self.values: defaultdict[str, list[float]] = defaultdict(list)
        self.neighbours: list[float] = []

    def add(self, figures: dict[str, float]) -> None:
        """One run's figures."""
        for name, value in figures.items():
            self.values[name].append(value)


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
