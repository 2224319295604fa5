"""The figures of the report: what each means, how it is made of what was measured, and its goal."""

from dataclasses import dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Figure:
    """A row: a ratio of two cases' medians, or one case's median."""

    name: str
    words: str
    measured: str
    against: str = ""
    least: float | None = None  #: the goal where more is better
    most: float | None = None  #: the goal where less is better
    unit: str = ""

    def value(self, values: dict[str, list[float]]) -> float | None:
        """None if it was not measured."""
        if not values.get(self.measured) or (self.against and not values.get(self.against)):
            return None
        return median(values[self.measured]) / (median(values[self.against]) if self.against else 1.0)

    def spread(self, values: dict[str, list[float]]) -> str:
        """The single runs behind it, for people."""
        return " / ".join(_spread(values[name]) for name in (self.measured, self.against) if values.get(name))

    def goal(self) -> str:
        """For people."""
        return f"≥ {self.least:g}" if self.least is not None else f"≤ {self.most:g}" if self.most is not None else ""

    def verdict(self, value: float) -> str:
        """For people."""
        if self.least is None and self.most is None:
            return ""
        met = value >= self.least if self.least is not None else value <= (self.most or 0)
        return "met" if met else "NOT MET"


FIGURES = [
    Figure("vs_smtp_source", "whole path against smtp-source -s 8 -d", "whole_path", "smtp_source", 1.0),
    Figure("vs_loop", "against the plain loop", "whole_path", "plain_loop", 250),
    Figure("vs_post_office", "against django-post_office, enqueue and send", "whole_path", "post_office", 20),
    Figure("vs_raw", "against raw bytes over our wire code", "whole_path", "raw_bytes", 0.8),
    Figure("personal_vs_shared", "items of one's own against shared ones", "own_items", "whole_path", 0.8),
    Figure("latency_vs_smtplib", "one connection at 50 ms, against smtplib", "far_ours", "far_smtplib", 3.9),
    Figure(
        "many_connections", "50 connections at 20 ms, connecting and leaving included", "many_connections", "", 0.85
    ),
    Figure("many_connections_open", "the same while all are at work", "many_connections_open"),
    Figure("api_vs_post_office", "taken by HTTP, against django-post_office", "api_per_s", "api_post_office_per_s"),
    Figure("api_p95_ms", "95 of 100 requests within", "api_p95_ms", unit="ms"),
    Figure("cpu_us_per_mail", "sender CPU per mail", "whole_path_cpu_us", most=80, unit="µs"),
    Figure("first_mail_s", "first mail of a million acknowledged", "first_mail_s", most=0.5, unit="s"),
    Figure("memory_ratio", "peak memory, 1,000,000 against 20,000 mails", "memory_ratio", most=1.3),
    Figure("memory_mb", "peak memory of a process, 1,000,000 mails", "memory_many_mb", most=120, unit="MB"),
]


def figures_of(database: str) -> list[Figure]:
    """The rows for a database; planning's and importing's goals differ."""
    is_slower = database == "postgresql"
    plan, rows = f"plan_million_{database}_s", f"import_million_{database}_s"
    return [
        *FIGURES,
        Figure(plan, "planning 1,000,000", "plan_s", most=3 if is_slower else 1.5, unit="s"),
        Figure(rows, "importing 1,000,000 from CSV", "import_s", most=30 if is_slower else 12, unit="s"),
    ]


def rates(values: dict[str, list[float]]) -> list[tuple[str, str]]:
    """Mails a second of each case, for people."""
    named: dict[str, Any] = {
        "whole_path": "whole path",
        "raw_bytes": "raw bytes, 2 processes",
        "smtp_source": "smtp-source -s 8 -d",
        "own_items": "whole path, items of one's own",
        "post_office": "django-post_office, enqueue and send",
        "post_office_sending": "django-post_office, sending alone",
        "plain_loop": "plain loop",
        "far_ours": "one connection at 50 ms",
        "far_smtplib": "smtplib at 50 ms",
    }
    return [(words, _spread(values[name])) for name, words in named.items() if values.get(name)]


def taken(values: dict[str, list[float]]) -> list[tuple[str, str, str]]:
    """Notifications that were taken by HTTP a second, and the milliseconds that 95 of 100 kept to, for people."""
    named = {"api": "our API", "api_post_office": "an endpoint before django-post_office"}
    return [
        (words, _spread(values[f"{name}_per_s"]), _spread(values[f"{name}_p95_ms"]))
        for name, words in named.items()
        if values.get(f"{name}_per_s")
    ]


def _spread(values: list[float]) -> str:
    return f"{_short(median(values))} ({_short(min(values))}–{_short(max(values))})"


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
