"""docs/reference.md is what the code says, and says something about everything."""

import pytest

from config.broker import QUEUES
from config.celery import app
from mailer.models import Delivery, EventType, Mailing
from tests.docs.reference import COMMANDS, PAGE, arguments, command, reference
from tests.docs.settings_table import defaults_in_the_code, kinds_in_the_code, settings_in_the_example
from tests.docs.words import HOLDS, word_tables


@pytest.mark.django_db
@pytest.mark.once
def test_the_page_is_what_the_code_says():
    assert PAGE.read_text(encoding="utf-8") == reference(), "run `make docs`"


def test_the_examples_defaults_are_those_of_the_code():
    code = defaults_in_the_code()
    example = {each.name: each.default for each in settings_in_the_example()}
    assert {name: example.get(name) for name in code} == code


def test_every_setting_is_explained():
    assert [each.name for each in settings_in_the_example() if not each.text] == []


def test_every_setting_of_the_code_is_on_the_page():
    assert set(kinds_in_the_code()) <= {each.name for each in settings_in_the_example()}


def test_every_command_argument_and_task_is_explained():
    assert [name for name in COMMANDS if command(name).help.strip()[:1] in ("", "`")] == []
    assert [(name, each.dest) for name in COMMANDS for each in arguments(name) if not each.help] == []
    assert [name for name, task in app.tasks.items() if name.startswith("mailer.") and not task.__doc__] == []


def test_every_word_and_queue_is_explained():
    assert set(HOLDS) == set(QUEUES)
    rows = [row for _, found in word_tables().values() for row in found]
    assert rows
    assert [row for row in rows if row.endswith("|  |")] == []


def test_every_reason_that_a_delivery_can_have_is_on_the_page():
    text = PAGE.read_text(encoding="utf-8")
    words = [*Delivery.Status.values, *Mailing.Status.values, *Delivery.Reason.values, *EventType.values]
    assert [word for word in words if word and f"| `{word}` |" not in text] == []
