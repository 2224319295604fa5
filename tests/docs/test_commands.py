"""Each command in the documents is run here, or read by the program's own parser, or named below with who runs it."""

import json
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import click
import pytest
from celery.bin.worker import worker
from django.core.management import call_command, get_commands, load_command_class
from django.core.management.base import BaseCommand
from django.test import Client

from mailer.models import ApiKey, Digest, DigestItem, EmailTemplate, Mailing, Recipient, RecipientList
from tests.api.conftest import make_key
from tests.build import make_item, make_list, make_notification_template
from tests.docs.pages import ROOT, commands, is_command, words
from tests.docs.reference import COMMANDS

#: The beginning of a command that this machine can't try or that has effects on all of it, and what tries it elsewhere.
ELSEWHERE = {
    "make ": ".ci/run, or by hand, as said below",
    "cp .env.example .env": "test_settings.py reads the example",
    "docker compose": "no engine here; test_deployment.py reads the files, `make lint` checks them",
    "sudo ": "test_deployment.py has systemd look at the units",
    "pg_dump ": "matrix/backup.py",
    "pg_restore ": "matrix/backup.py",
    "sqlite3 ": "its statement is run below",
    "pip install ": "the registries are not asked by a test",
    "celery inspect": "named as what SQS has not",
    "python -m benchmarks": "`make bench` and `make bench-admin`",
}
#: Commands of ours that wait for something or need the world; their arguments are read here, the rest is tried there.
PARSED = {
    "check_domain": "management/test_check_domain.py", "listen_for_mail": "postfix/run.py",
    "poll_mailbox": "feedback/test_doors.py", "migrate": "web/test_production.py", "check": "test_settings.py",
}  # fmt: skip
#: Targets that .ci/run does not start, and why.
BY_HAND = {
    "bench": "needs a quiet machine", "bench-admin": "a quarter of an hour", "clean": "throws away the environment",
    "docs": "docs/test_reference.py compares what it would write", "format": "`make lint` says what it would change",
    "gallery": "pictures for people to look at",
}  # fmt: skip
MANAGE = [words(each)[1:] for each in commands() if each.startswith("manage.py ")]
TARGETS = {words(each)[1] for each in commands() if each.startswith("make ")}
RUN = [each for each in MANAGE if each[0] not in PARSED]


def test_every_command_is_known():
    tried = ("manage.py ", "celery -A config worker ", "openssl genpkey ", "curl ", "python -c ")
    known = (*tried, *ELSEWHERE)
    assert [each for each in commands() if not each.startswith(known)] == [], "run it here, or say who does"


def test_every_entry_is_of_a_command_that_the_documents_name():
    assert [each for each in ELSEWHERE if not any(command.startswith(each) for command in commands())] == []
    assert (set(PARSED) | set(SEEN)) - {each[0] for each in MANAGE} == set()
    assert set(BY_HAND) - TARGETS == set()


def test_the_suite_that_an_entry_names_has_the_command_in_it():
    suites = PARSED | {name.strip(): file for name, file in ELSEWHERE.items() if file.endswith(".py")}
    assert [name for name, file in suites.items() if f'"{name}"' not in (ROOT / "tests" / file).read_text()] == []


def test_every_make_target_is_there_and_is_started_by_ci_or_by_hand_for_a_reason():
    there = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    by_ci = set(
        re.findall(r"^[^\"\n]*\bmake ([a-z0-9-]+)", (ROOT / ".ci" / "run").read_text(encoding="utf-8"), re.MULTILINE)
    )
    assert there >= TARGETS
    assert (TARGETS & by_ci) | set(BY_HAND) == TARGETS
    assert by_ci & set(BY_HAND) == set()


def test_the_statement_that_backs_up_a_sqlite_database_makes_a_whole_copy(tmp_path: Path):
    (statement,) = [words(each)[2] for each in commands() if each.startswith("sqlite3 ")]
    with closing(sqlite3.connect(tmp_path / "db.sqlite3")) as database:
        database.executescript("CREATE TABLE mail (id INTEGER); INSERT INTO mail VALUES (1), (2);")
        database.execute(statement.replace("post.sqlite3", str(tmp_path / "copy")))
    with closing(sqlite3.connect(tmp_path / "copy")) as copy:
        assert copy.execute("SELECT COUNT(*) FROM mail").fetchone() == (2,)


@pytest.mark.parametrize("arguments", MANAGE, ids=" ".join)
def test_a_commands_arguments_are_those_that_it_has(arguments: list[str]):
    name, *rest = arguments
    app = get_commands()[name]
    found = app if isinstance(app, BaseCommand) else load_command_class(app, name)
    found.create_parser("manage.py", name).parse_args(rest)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """With the files that the examples name."""
    (tmp_path / "people.csv").write_text("email,name\nzoe@example.org,Zoe\n", encoding="utf-8")
    (tmp_path / "items.json").write_text('[{"title": "The harbour is open"}]', encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    yield tmp_path


#: What is to be seen afterwards; a command without an entry must at least end well.
SEEN = {
    "import_recipients": lambda: Recipient.objects.filter(email="zoe@example.org").exists(),
    "import_items": lambda: DigestItem.objects.filter(title="The harbour is open").exists(),
    "schedule_digest": lambda: Digest.objects.get().periodic_task is not None,
    "send_digest": lambda: Mailing.objects.get().planned == 3,
    "create_api_key": lambda: ApiKey.objects.get().name in ("newsroom", "tutorial"),
    "export_logs": lambda: Path("2026-01.csv.gz").stat().st_size > 0,
    "sync_templates": lambda: EmailTemplate.objects.filter(slug="notification").exists(),
    "makemigrations": lambda: True,
    "hold_after_restore": lambda: True,
}


@pytest.mark.django_db
@pytest.mark.once
@pytest.mark.parametrize("arguments", RUN, ids=" ".join)
def test_a_command_does_what_it_says(arguments: list[str], folder: Path, digest: Digest):
    if "town-news" in arguments:  # as the tutorial calls its list
        RecipientList.objects.update(slug="town-news")
        Digest.objects.update(slug="town-digest")
    if arguments[0] == "send_digest":
        make_item(digest.list, "The harbour is open already")
    call_command(*arguments, *(["--check", "--dry-run"] if arguments[0] == "makemigrations" else []))
    assert SEEN[arguments[0]]()


def test_every_command_of_ours_is_run_or_named():
    shown = {each[0] for each in MANAGE} & set(COMMANDS)
    assert shown <= set(SEEN) | set(PARSED)


@pytest.mark.parametrize("command", [each for each in commands() if each.startswith("celery -A config worker ")])
def test_a_workers_options_are_celerys(command: str):
    options = words(command)[4:]
    values, rest, _ = worker.make_parser(click.Context(worker)).parse_args(options)
    assert rest == []
    assert values["queues"]


@pytest.mark.parametrize("command", [each for each in commands() if each.startswith("openssl genpkey ")])
def test_a_key_is_made(command: str, tmp_path: Path):
    if not shutil.which("openssl"):
        pytest.skip("openssl is not installed")
    *rest, file = words(command)
    made = tmp_path / Path(file).name
    subprocess.run([*rest, str(made)], check=True, capture_output=True)
    assert made.read_text(encoding="ascii").startswith("-----BEGIN PRIVATE KEY-----")


@pytest.mark.parametrize("command", [each for each in commands() if each.startswith("python -c ")])
def test_a_secret_key_is_made(command: str):
    made = subprocess.run([sys.executable, *words(command)[1:]], check=True, capture_output=True, text=True).stdout
    assert len(made.strip()) >= 50


@pytest.mark.django_db
@pytest.mark.once
@pytest.mark.parametrize("command", [each for each in commands() if each.startswith("curl ")])
def test_a_call_by_curl_is_answered(command: str, client: Client):
    make_list("town-news")
    make_notification_template()
    _, url, *options = words(command.replace("$TOKEN", make_key()))
    pairs = list(zip(options[::2], options[1::2], strict=True))
    headers = dict(value.split(": ", 1) for flag, value in pairs if flag == "-H")
    body = next(json.loads(value) for flag, value in pairs if flag == "-d")
    path = re.sub(r"^https?://[^/]+", "", url)
    answer = client.post(path, body, content_type=headers.pop("Content-Type"), headers=headers)
    assert answer.status_code in (200, 202), answer.content


def test_what_looks_like_a_command_is_one():
    assert is_command("$ manage.py check_domain example.org")
    assert not is_command("Mail from …@example.org")
