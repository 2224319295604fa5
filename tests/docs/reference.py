"""docs/reference.md, made from the code: `make docs` writes it, and a test says when it has fallen behind."""

import ast
import re
from argparse import SUPPRESS, Action, ArgumentParser
from collections.abc import Iterable
from datetime import timedelta
from itertools import groupby

from celery.schedules import crontab
from django.conf import settings
from django.core.management import load_command_class
from django.core.management.base import BaseCommand
from django.utils import timezone
from django_celery_beat.models import IntervalSchedule, PeriodicTask
from prometheus_client import Metric

from config.celery import app
from mailer.api.urls import api
from mailer.insight.life import note_tick
from mailer.insight.metrics import Figures
from mailer.web.probes import PROBES
from tests.docs.settings_table import ROOT, kinds_in_the_code, settings_in_the_example
from tests.docs.words import queues, scope_of_calls, word_tables

PAGE = ROOT / "docs" / "reference.md"
COMMANDS = sorted(
    path.stem for path in (ROOT / "mailer" / "management" / "commands").glob("*.py") if path.stem[0] != "_"
)
QUEUE_OF_MAIL = "`transactional` (single mails, tests) or `bulk`"


def reference() -> str:
    """The whole page. Reads the database, in which it notes a tick, since some figures are missing before the first."""
    parts = [
        "# Reference\n\nMade from the code by `make docs`; a test fails when this page is not what the code says.",
        _settings(),
        _commands(),
        _tasks(),
        _metrics(),
        _addresses(),
        _words(),
    ]
    return "\n\n".join(parts) + "\n"


def command(name: str) -> BaseCommand:
    """One of ours."""
    found = load_command_class("mailer", name)
    assert isinstance(found, BaseCommand)
    return found


def arguments(name: str) -> list[Action]:
    """Of one of our commands, without those that every command of Django's has."""
    parser = ArgumentParser()
    command(name).add_arguments(parser)
    return [action for action in parser._actions if action.dest != "help"]


def _table(heading: str, rows: Iterable[str]) -> str:
    columns = heading.count("|") - 1
    return "\n".join([heading, "|" + "---|" * columns, *rows])


def _settings() -> str:
    kinds = kinds_in_the_code()
    parts = [
        "## Settings\n\nFrom the environment or a file `.env` beside `manage.py`. One that is wrong stops the start with a sentence."
    ]
    for section, found in groupby(settings_in_the_example(), key=lambda each: each.section):
        rows = (each.row(kinds) for each in found)
        parts.append(f"### {section}\n\n" + _table("| Setting | Default | Is | What it says |", rows))
    return "\n\n".join(parts)


def _commands() -> str:
    parts = ["## Commands\n\n`python manage.py NAME`; each one also says this with `--help`."]
    for name in COMMANDS:
        said = " ".join(command(name).help.split("\n\n")[0].split())
        rows = [f"| `{_usage(each)}` | {_escaped(each.help or '')} |" for each in arguments(name)]
        table = "\n\n" + _table("| Argument | What it says |", rows) if rows else ""
        parts.append(f"### {name}\n\n{said}{table}")
    return "\n\n".join(parts)


def _usage(action: Action) -> str:
    value = "|".join(map(str, action.choices)) if action.choices else (action.metavar or action.dest.upper())
    shown = "" if action.nargs == 0 else str(value).replace("|", "\\|")
    if not action.option_strings:
        return shown + {"*": " …", "+": " …", "?": " (may be left out)"}.get(str(action.nargs), "")
    return f"{action.option_strings[-1]} {shown}".strip()


def _escaped(text: str) -> str:
    return "" if text == SUPPRESS else " ".join(text.split()).replace("|", "\\|")


def _tasks() -> str:
    beat = {entry["task"]: [] for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    for entry in settings.CELERY_BEAT_SCHEDULE.values():
        beat[entry["task"]].append(_when(entry["schedule"]))
    beat["mailer.tasks.send_digest"] = ["at each digest's time"]
    elsewhere = _queues_in_the_code()
    rows = []
    for name in sorted(name for name in app.tasks if name.startswith("mailer.")):
        first = _escaped((app.tasks[name].__doc__ or "").strip().split("\n")[0])
        queue = elsewhere.get(name.rpartition(".")[2], f"`{settings.CELERY_TASK_DEFAULT_QUEUE}`")
        rows.append(f"| `{name}` | {queue} | {'; '.join(beat.get(name, [])) or 'when called'} | {first} |")
    holds = "## Tasks and queues\n\n" + _table("| Queue | What it holds |", queues())
    return holds + "\n\nTimes are UTC.\n\n" + _table("| Task | Queue | Runs | What it does |", rows)


def _when(schedule: crontab | timedelta) -> str:
    if isinstance(schedule, timedelta):
        return f"each {schedule.total_seconds():g} s"
    hour, minute = str(schedule._orig_hour), str(schedule._orig_minute)
    return "each minute" if (hour, minute) == ("*", "*") else f"daily at {hour}:{minute}"


def _queues_in_the_code() -> dict[str, str]:
    """Of the tasks that mailer/waking.py puts into another queue than the default one."""
    tree = ast.parse((ROOT / "mailer" / "waking.py").read_text(encoding="utf-8"))
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "_publish":
            queue = next((each.value for each in node.keywords if each.arg == "queue"), None)
            if isinstance(queue, ast.Constant):
                found[ast.literal_eval(node.args[0])] = f"`{queue.value}`"
            elif queue is not None:
                found[ast.literal_eval(node.args[0])] = QUEUE_OF_MAIL
    return found


def _metrics() -> str:
    now = timezone.now()
    note_tick(now)
    every, _ = IntervalSchedule.objects.get_or_create(every=30, period=IntervalSchedule.SECONDS)
    rung = {"task": "mailer.tasks.tick", "interval": every, "last_run_at": now}
    PeriodicTask.objects.update_or_create(name="for the reference", defaults=rung)
    rows = [
        f"| `{_full_name(each)}` | {each.type} | {_escaped(each.documentation)} |" for each in Figures(now).collect()
    ]
    return (
        "## Metrics\n\nAt `/metrics`; [operations.md](operations.md#metrics) says how to ask for them and which to "
        "watch.\n\n" + _table("| Name | Type | What it says |", sorted(rows))
    )


def _full_name(metric: Metric) -> str:
    labels = ",".join(metric._labelnames)
    return metric.name + ("_total" if metric.type == "counter" else "") + (f"{{{labels}}}" if labels else "")


def _addresses() -> str:
    probes = [f"| `{path}` | {_escaped((view.__doc__ or '').strip())} |" for path, view in PROBES.items()]
    scopes = scope_of_calls()
    calls = [
        f"| `{method.upper()} {re.sub(r'^/+', '/', path)}` | `{scopes[each['tags'][0]]}` | {_escaped(each['summary'])} |"
        for path, operations in sorted(api.get_openapi_schema()["paths"].items())
        for method, each in sorted(operations.items())
    ]
    return (
        "## Addresses for machines\n\n" + _table("| Address | What it answers |", probes)
        + "\n\nThe API; `/api/v1/docs` has every field, [api.md](api.md) says how to begin:\n\n"
        + _table("| Call | Scope | What it does |", calls)
    )  # fmt: skip


def _words() -> str:
    parts = ["## Words\n\nAs the log, the API, exports and events write them."]
    for title, (said, rows) in word_tables().items():
        parts.append(f"### {title}\n\n{said}\n\n" + _table("| Word | What it means |", rows))
    return "\n\n".join(parts)
