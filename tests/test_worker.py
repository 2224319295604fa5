"""The whole path through a real worker, a real broker and a real socket."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.utils import timezone
from django_celery_results.models import TaskResult

from config.celery import app
from mailer import tasks
from mailer.insight.batches import batches_of, read_summary
from mailer.insight.figures import figures_of
from mailer.models import Attempt, Delivery, Digest, EmailTemplate, Mailing, TemplateVersion
from mailer.notify import notify_user
from mailer.scheduling.planning import plan_now
from mailer.scheduling.schedules import Schedule
from mailer.waking import wake_mailing
from tests.build import make_digest, make_item, make_list, subscribe
from tests.fake_relay import FakeRelay
from tests.worker import running_worker

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def worker(relay: FakeRelay) -> Iterator[None]:
    """A Celery worker in a thread of this process, on its own Redis database."""
    app.control.purge()
    with running_worker():
        yield


@pytest.fixture
def made_connections() -> Iterator[list[str]]:
    """The databases to which others than the test itself connect, once for each connection that they make."""
    made: list[str] = []
    me = threading.get_ident()

    def note(connection: BaseDatabaseWrapper, **details: Any) -> None:
        if threading.get_ident() != me:
            made.append(connection.alias)

    connection_created.connect(note)
    yield made
    connection_created.disconnect(note)


@pytest.fixture
def digest(template: EmailTemplate) -> Digest:
    """One whose time was an hour ago, and which nobody has looked at since."""
    an_hour_ago = timezone.now() - timedelta(hours=1)
    made = make_digest(make_list("news", people=5), template, Schedule(an_hour_ago.time()))
    make_item(made.list, "The harbour is open")
    Digest.objects.filter(pk=made.pk).update(checked_through=an_hour_ago - timedelta(hours=1))
    return made


def wait_until(condition: Callable[[], bool]) -> None:
    for _ in range(600):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it did not happen")


def is_done() -> bool:
    """Every mailing is done, and Celery has stored what its tasks returned."""
    expected = Delivery.objects.exclude(task_id=None).values_list("task_id", flat=True).distinct().count()
    stored = TaskResult.objects.filter(task_name="mailer.tasks.deliver", status="SUCCESS").count()
    mailings = Mailing.objects.all()
    return bool(mailings) and all(mailing.final for mailing in mailings) and 0 < expected <= stored


def test_beats_call_sends_the_digest_and_leaves_its_log(digest: Digest, relay: FakeRelay, worker: None):
    relay.answer("RCPT", "550 5.1.1 unknown", to="person3@example.org")
    tasks.send_digest.delay("news")
    tasks.send_digest.delay("news")
    tasks.tick.delay()
    wait_until(is_done)
    mailing = Mailing.objects.get()
    assert mailing.reason.startswith("late by 1 h")
    assert (mailing.planned, mailing.sent, mailing.failed) == (5, 4, 1)
    assert sorted(relay.recipients()) == [f"person{n}@example.org" for n in (0, 1, 2, 4)]
    summaries = [summary for result in batches_of(mailing) if (summary := read_summary(result))]
    assert sum(summary.counts["sent"] for summary in summaries) == 4
    failed = Delivery.objects.get(status="failed")
    assert [failure.delivery for summary in summaries for failure in summary.failures] == [failed.pk]
    result = TaskResult.objects.get(task_id=str(failed.task_id))
    assert "@" not in f"{result.result}{result.task_args}{result.task_kwargs}"
    assert Attempt.objects.get().smtp_text == "5.1.1 unknown"


def test_a_message_delivered_twice_sends_once(digest: Digest, relay: FakeRelay, worker: None):
    mailing = plan_now(digest, timezone.now())
    for _ in range(3):
        wake_mailing(mailing.pk)
    wait_until(is_done)
    tasks.tick.delay().forget()
    assert sorted(relay.recipients()) == [f"person{n}@example.org" for n in range(5)]


def test_messages_that_the_broker_lost_are_found_by_the_tick(digest: Digest, relay: FakeRelay, worker: None):
    mailing = plan_now(digest, timezone.now())
    Mailing.objects.update(woken_at=timezone.now() - timedelta(minutes=2))
    tasks.tick.delay()
    wait_until(is_done)
    mailing.refresh_from_db()
    assert mailing.sent == 5


def test_the_tick_after_a_mailing_has_its_figures_counted(digest: Digest, relay: FakeRelay, worker: None):
    mailing = plan_now(digest, timezone.now())
    wake_mailing(mailing.pk)
    wait_until(is_done)
    tasks.tick.delay()
    wait_until(lambda: figures_of(mailing) is not None)
    figures = figures_of(mailing)
    assert figures is not None
    assert [(row.domain, row.sent) for row in figures.domains] == [("example.org", 5)]


def test_a_notification_goes_out_in_a_moment_and_later(template: EmailTemplate, relay: FakeRelay, worker: None):
    reset = EmailTemplate.objects.create(slug="reset", name="Reset")
    TemplateVersion.objects.create(template=reset, number=1, subject="Hi", html="<p>{{ code }}</p>", text="{{ code }}")
    result = notify_user("zoe@example.org", "reset", {"code": "one"})
    notify_user("zoe@example.org", "reset", {"code": "two"}, countdown=1)
    wait_until(lambda: len(relay.received) == 2)
    wait_until(is_done)
    bodies = [message_from_bytes(mail.message, policy=policy.SMTP).get_body(("plain",)) for mail in relay.received]
    assert [body.get_content().strip() for body in bodies if body] == ["one", "two"]
    assert Delivery.objects.filter(task_id=UUID(result.id), status="sent").count() == 1
    assert result.get(timeout=5)["sent"] == 1


def test_the_log_is_purged_when_it_is_old_enough_and_not_before(digest: Digest, relay: FakeRelay, worker: None):
    mailing = plan_now(digest, timezone.now())
    wake_mailing(mailing.pk)
    wait_until(is_done)
    Mailing.objects.update(scheduled_for=datetime(2020, 1, 1, tzinfo=UTC))
    other = make_list("other")
    subscribe(other, "zoe@example.org")
    fresh = plan_now(make_digest(other, digest.template, send_when_empty=True), timezone.now())
    TaskResult.objects.update(date_created=datetime(2020, 1, 1, tzinfo=UTC))
    counts = tasks.purge()
    assert {name: count for name, count in counts.items() if count} == {
        "mailings": 1,
        "deliveries": 5,
        "task_results": 1,
    }
    assert Mailing.objects.get() == fresh
    assert Delivery.objects.get().mailing == fresh


def run_program(program: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    ).stdout


def test_a_workers_process_lets_others_go_first_and_looks_for_no_garbage_among_its_modules() -> None:
    look = "print(os.nice(0), gc.get_freeze_count());"
    said = run_program(
        f"import gc, os; import config.celery; from celery.signals import worker_process_init; {look}"
        f"worker_process_init.send(sender=None); worker_process_init.send(sender=None); {look}"
    )
    nice_before, _, nice, frozen = map(int, said.split())
    assert nice == max(nice_before, 5)
    assert frozen > 10_000


@pytest.mark.once
def test_a_worker_carries_no_pages_about_and_a_web_process_has_them_before_the_first_visitor() -> None:
    look = "import sys; print(*(name in sys.modules for name in ('mailer.admin', 'mailer.api.urls', 'mailer.tasks')))"
    start = "from config.celery import app; import celery.fixups.django; app.loader.init_worker();"
    start += "celery.fixups.django.DjangoWorkerFixup(app).validate_models();"
    assert run_program(start + look).split() == ["False", "False", "True"]
    assert run_program("import config.wsgi;" + look).split() == ["True", "True", "True"]


def test_a_task_goes_on_with_the_connection_of_the_one_before(worker: None, made_connections: list[str]):
    for _ in range(3):
        tasks.strike.apply_async(ignore_result=False).get(timeout=30)
    assert len(made_connections) <= 1


@pytest.mark.skipif(connection.vendor != "postgresql", reason="only PostgreSQL's connections can be cut")
def test_a_connection_that_was_cut_between_two_tasks_is_made_anew(worker: None, made_connections: list[str]):
    tasks.strike.apply_async(ignore_result=False).get(timeout=30)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        assert cursor.fetchall()
    tasks.strike.apply_async(ignore_result=False).get(timeout=30)
    assert len(made_connections) == 2
