"""What a run has done, in numbers: the JSON that its task's result keeps."""

from collections import Counter
from datetime import datetime
from typing import Any

from mailer.sending.claim import Range
from mailer.sending.outcomes import Kind, Outcome

#: Of its failures so many are named.
_FAILURES_NAMED = 100


class RunSums:
    """What a run has done, in numbers."""

    def __init__(self, wanted: Range, started: datetime) -> None:
        self._wanted, self._started = wanted, started
        self.planned = 0
        self.resumed = False  # whether this run found that the mail server works again
        self.done: Counter[str] = Counter()
        self._failures: list[dict[str, Any]] = []

    def note(self, outcome: Outcome) -> None:
        """Keep the first failures, by delivery id: no address and no content goes into a task's result."""
        if outcome.kind not in (Kind.SENT, Kind.SKIPPED, Kind.HELD) and len(self._failures) < _FAILURES_NAMED:
            reason = outcome.reason or outcome.kind
            self._failures.append({"delivery": outcome.delivery_id, "code": outcome.code, "reason": str(reason)})

    def summary(self, now: datetime, halted: str) -> dict[str, Any]:
        """As JSON."""
        seconds = (now - self._started).total_seconds()
        counts = {name: self.done[name] for name in ("sent", "failed", "skipped", "uncertain", "retry", "held")}
        return {
            "mailing": self._wanted.mailing_id,
            "first": self._wanted.first,
            "last": self._wanted.last,
            "planned": self.planned,
            **counts,
            "released": self.planned - sum(counts.values()),
            "seconds": round(seconds, 3),
            "rate": round(counts["sent"] / seconds, 1) if seconds else 0.0,
            "failures": self._failures,
            "resumed": self.resumed,
            "halted": halted,
        }
