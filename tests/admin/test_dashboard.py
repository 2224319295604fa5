"""The first page after login: the day in words and figures, what is wrong in red, and what to do at the beginning."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_celery_beat.models import PeriodicTask
from pytest_django.fixtures import Settings

from config.celery import app
from mailer.insight.life import TICK, Worker, note_beat_started, note_tick, note_worker
from mailer.models import Digest, Mailing, RelayPause, Tally
from mailer.sending.tallies import hour_of
from tests.admin.world import World, add_mailing, add_person
from tests.servers import free_port

PAGE = "/admin/"


def shown(client: Client) -> str:
    response = client.get(PAGE)
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def test_todays_digest_its_figures_and_the_service_are_there(admin_client: Client, world: World) -> None:
    app.control.purge()  # what tests before this one asked workers for
    now = timezone.now()
    Mailing.objects.update(scheduled_for=now, started_at=now, finished_at=now)
    Tally.objects.create(hour=hour_of(now), sent=12_345, failed=55)
    note_worker(Worker("celery@mail-1", 4, "bulk, default"), now - timedelta(hours=3), now)
    note_tick(now)
    PeriodicTask.objects.create(
        name="tick", task=TICK, crontab=world.digest.periodic_task.crontab, last_run_at=now - timedelta(seconds=20)
    )
    page = shown(admin_client)
    assert f'<a href="/admin/mailer/mailing/{world.mailing.pk}/change/">Daily news</a>' in page
    assert "3 of 5 mails sent, 1 failed or uncertain, on time" in page
    assert "<strong>12,345</strong>sent" in page
    assert "<strong>0.44 %</strong>" in page
    assert "celery@mail-1" in page
    assert "4 tasks at once; bulk, default" in page
    assert "400 days (LOG_RETENTION_DAYS)" in page
    assert "default 0, transactional 0, bulk 0" in page
    assert 'role="alert"' not in page


def test_what_is_wrong_is_said_in_red_words(admin_client: Client, world: World) -> None:
    now = timezone.now()
    RelayPause.objects.create(relay="mail:25", reason="535 wrong password", retry_at=now)
    note_beat_started(now - timedelta(hours=2))
    Digest.objects.update(checked_through=now - timedelta(hours=25))
    page = shown(admin_client)
    alert = page.partition('role="alert"')[2].partition("</div>")[0]
    for words in ("3 PM passed without Daily news", "The mail server can&#x27;t be used", "Beat is silent"):
        assert words in alert


def test_a_broker_that_does_not_answer_is_unknown_and_the_page_is_there(admin_client: Client, world: World) -> None:
    before = app.conf.broker_url
    gone = f"redis://127.0.0.1:{free_port()}/0"
    app.conf.update(broker_url=gone, broker_read_url=gone)
    try:
        page = shown(admin_client)
    finally:
        app.conf.update(broker_url=before, broker_read_url=before)
    assert "unknown: the broker does not answer" in page
    assert "The message broker can&#x27;t be reached" in page


def test_a_new_installation_shows_three_steps_and_which_are_done(admin_client: Client, db: None) -> None:
    page = shown(admin_client)
    assert "Three steps to your first digest" in page
    for link in ("recipientlist", "subscription", "digest"):
        assert f'href="/admin/mailer/{link}/add/"' in page
    assert "Nothing is due today." in page
    assert "No worker has been seen yet" in page


def test_the_steps_go_when_the_first_mailing_has_come(admin_client: Client, world: World) -> None:
    assert "Three steps" not in shown(admin_client)
    Mailing.objects.all().delete()
    page = shown(admin_client)
    assert page.count("</span> done</span>") == 3


def test_who_may_see_no_mailings_is_told_whom_to_ask(powerless: Client, world: World) -> None:
    page = shown(powerless)
    assert "You are logged in, and have no role here yet." in page
    assert "Daily news" not in page
    User.objects.get(username="powerless").user_permissions.add(Permission.objects.get(codename="view_mailing"))
    assert "Today’s digests" in shown(powerless)


def test_that_nobody_is_told_by_mail_is_said(admin_client: Client, world: World, settings: Settings) -> None:
    assert "ADMIN_EMAILS is empty" in shown(admin_client)
    settings.ADMINS = [("Ops", "ops@example.org")]
    assert "ADMIN_EMAILS is empty" not in shown(admin_client)


@pytest.mark.parametrize("table", [True, False])
def test_the_figures_can_be_read_without_the_bars(table: bool, admin_client: Client, world: World) -> None:
    Tally.objects.create(hour=hour_of(timezone.now()), sent=1_000, failed=7, skipped=3, retry=2)
    page = shown(admin_client)
    numbers = [f'<td class="post-number">{figure}</td>' for figure in ("1,000", "7", "3", "2")]
    assert ("".join(numbers) in page) if table else (page.count('<i class="post-bar-sent') == 24)


def test_the_page_costs_the_same_however_much_there_is(admin_client: Client, world: World) -> None:
    Mailing.objects.update(scheduled_for=timezone.now())
    few = _queries(admin_client)
    people = [add_person(world.mailing_list, number) for number in range(10, 30)]
    for hour in range(5):
        add_mailing(world.digest, people, timezone.now() - timedelta(minutes=hour))
        Tally.objects.create(hour=hour_of(timezone.now()), sent=1)
        note_worker(Worker(f"celery@mail-{hour}", 1, "default"), timezone.now(), timezone.now())
    assert _queries(admin_client) == few
    assert few <= 30


def _queries(client: Client) -> int:
    with CaptureQueriesContext(connection) as queries:
        shown(client)
    return len(queries)
