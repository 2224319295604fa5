"""Load balancers ask by IP address over plain http, and are told what is wrong, to whoever may read it."""

from pathlib import Path
from threading import Event

import pytest
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from pytest_django.fixtures import Settings

from config.celery import app
from mailer.insight.readiness import is_ready, readiness
from tests.servers import free_port

pytestmark = pytest.mark.django_db(transaction=True)
BALANCER = {"HTTP_HOST": "10.0.0.7:8000"}


@pytest.fixture(autouse=True)
def production(settings: Settings, tmp_path: Path) -> None:
    settings.ALLOWED_HOSTS = ["post.example.org"]
    settings.SECURE_SSL_REDIRECT = True
    settings.JOURNAL_DIR = tmp_path / "journal"


def test_a_process_that_answers_is_alive_by_whatever_name_it_is_asked(client: Client) -> None:
    response = client.get("/health/live", **BALANCER)
    assert (response.status_code, response.json()) == (200, {"status": "alive"})
    assert not response.cookies
    assert response["Cache-Control"] == "no-store"


def test_other_pages_still_know_their_host(client: Client) -> None:
    assert client.get("/admin/", secure=True, **BALANCER).status_code == 400


def test_it_is_ready_when_everything_answers(client: Client) -> None:
    response = client.get("/health/ready", **BALANCER)
    fine = dict.fromkeys(("database", "migrations", "broker", "journal"), "ok")
    assert (response.status_code, response.json()) == (200, {"status": "ready", **fine})
    assert not response.cookies


def test_a_probe_changes_nothing_and_takes_no_post(client: Client) -> None:
    assert client.post("/health/ready", **BALANCER).status_code == 405


def test_a_journal_that_cannot_be_written_is_named(client: Client, settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    settings.JOURNAL_DIR = tmp_path / "file"
    response = client.get("/health/ready", **BALANCER)
    assert response.status_code == 503
    assert response.json()["journal"].startswith("its folder can't be written")
    assert response.json()["database"] == "ok"
    assert str(tmp_path) not in response.content.decode()


def test_a_migration_that_is_missing_is_named(client: Client) -> None:
    row = MigrationRecorder.Migration.objects.filter(app="mailer").latest("id")
    MigrationRecorder.Migration.objects.filter(pk=row.pk).delete()
    try:
        response = client.get("/health/ready", **BALANCER)
    finally:
        row.save(force_insert=True)
    assert response.status_code == 503
    assert response.json()["migrations"] == f"not applied: mailer.{row.name}"


def test_a_broker_that_is_away_is_named_without_its_password(client: Client) -> None:
    url = app.conf.broker_read_url, app.conf.broker_url
    app.conf.broker_read_url = app.conf.broker_url = f"redis://:secret-word@127.0.0.1:{free_port()}/0"
    try:
        response = client.get("/health/ready", **BALANCER)
    finally:
        app.conf.broker_read_url, app.conf.broker_url = url
    assert (response.status_code, response.json()["broker"]) == (503, "can't be reached")
    assert "secret-word" not in response.content.decode()


def test_a_part_that_hangs_is_not_waited_for() -> None:
    over = Event()

    def hang() -> str:
        over.wait(60)
        return "ok"

    try:
        answers = readiness({"one": hang, "other": lambda: "ok"}, patience=0.3)
    finally:
        over.set()
    assert answers == {"one": "no answer within 0.3 s", "other": "ok"}
    assert not is_ready(answers)
