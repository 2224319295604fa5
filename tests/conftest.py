"""Fixtures that several folders of tests use."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import hypothesis
import pytest
from django.db import connection
from pytest_django import Settings

from mailer.models import Digest, EmailTemplate, RecipientList, TemplateVersion
from tests.build import make_digest, make_list
from tests.emptying import empty_tables_quickly
from tests.fake_relay import FakeRelay

# How long an example takes says nothing: the machine may be busy.
_NO_HURRY = [hypothesis.HealthCheck.too_slow]
hypothesis.settings.register_profile("short", deadline=None, suppress_health_check=_NO_HURRY, max_examples=40)
#: As `make test-long` tries properties.
hypothesis.settings.register_profile("long", hypothesis.settings.get_profile("short"), max_examples=500)
#: For a test that knows that all its examples share a fixture.
hypothesis.settings.register_profile(
    "one fixture",
    deadline=None,
    suppress_health_check=[*_NO_HURRY, hypothesis.HealthCheck.function_scoped_fixture],
)
hypothesis.settings.load_profile("short")
empty_tables_quickly()


@pytest.fixture
def now() -> datetime:
    """A Monday, ten seconds before three in the afternoon."""
    return datetime(2026, 11, 23, 14, 59, 50, tzinfo=UTC)


@pytest.fixture
def relay(settings: Settings, tmp_path: Path) -> Iterator[FakeRelay]:
    """A mail server that takes everything, until a test tells it otherwise."""
    with FakeRelay() as server:
        settings.RELAY = server.address()
        settings.JOURNAL_DIR = tmp_path / "journal"
        yield server


@pytest.fixture
def template(db: None) -> EmailTemplate:
    """A small digest template."""
    made = EmailTemplate.objects.create(slug="digest", name="Digest")
    TemplateVersion.objects.create(
        template=made,
        number=1,
        subject="{{ count }} new on {{ list.name }}, {{ date|date:'j F' }}",
        html="<html><head><style>p{color:#123456}</style></head><body><p>Hello {{ recipient.first_name|default:'you' }}"
        '</p>{% for item in items %}<p>{{ item.title }}</p>{% endfor %}<a href="{{ links.unsubscribe }}">leave</a>'
        "</body></html>",
        text="Hello {{ recipient.first_name|default:'you' }}\n{% for item in items %}* {{ item.title }}\n{% endfor %}"
        "{{ links.unsubscribe }}",
        sample={},
    )
    return made


@pytest.fixture
def mailing_list(db: None) -> RecipientList:
    """A list with three people on it."""
    return make_list("news", people=3)


@pytest.fixture
def digest(mailing_list: RecipientList, template: EmailTemplate) -> Digest:
    """The list's digest at 15:00 UTC, looked at last in the morning of the fixture `now`."""
    return make_digest(mailing_list, template)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On PostgreSQL, leave out what asks for no database, or is the same on any: it was run with SQLite."""
    if connection.vendor == "sqlite":
        return
    again = [item for item in items if _asks_for_a_database(item) and not item.get_closest_marker("once")]
    config.hook.pytest_deselected(items=[item for item in items if item not in set(again)])
    items[:] = again


def _asks_for_a_database(item: pytest.Item) -> bool:
    fixtures = {"db", "transactional_db", "live_server", "django_db_setup"} & set(getattr(item, "fixturenames", ()))
    return bool(fixtures) or item.get_closest_marker("django_db") is not None
