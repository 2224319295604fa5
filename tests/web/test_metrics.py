"""What Prometheus reads is right, complete, read by its own parser, and costs no walk through the log."""

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families
from pytest_django.fixtures import Settings

from mailer.insight.life import Worker, note_tick, note_worker
from mailer.insight.metrics import PREFIX, metrics_text
from mailer.models import Alert, Delivery, Digest, Mailing, Tally
from mailer.sending.tallies import tally

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).resolve().parent.parent.parent
Samples = dict[tuple[str, str], float]


def read(text: bytes) -> Samples:
    """(name without the prefix, the label's value) → figure."""
    families = list(text_string_to_metric_families(text.decode()))
    assert all(family.documentation for family in families)
    return {
        (sample.name.removeprefix(PREFIX), next(iter(sample.labels.values()), "")): sample.value
        for family in families
        for sample in family.samples
    }


@pytest.fixture
def token(settings: Settings) -> str:
    settings.METRICS_TOKEN = "a-long-random-word"
    return "a-long-random-word"


def test_without_a_token_set_there_is_no_such_page(client: Client, settings: Settings) -> None:
    settings.METRICS_TOKEN = ""
    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404


@pytest.mark.parametrize("word", ["", "Bearer", "Bearer wrong", "Basic a-long-random-word", "Bearer wörd"])
def test_nobody_reads_it_without_the_token(client: Client, token: str, word: str) -> None:
    response = client.get("/metrics", headers={"Authorization": word})
    assert (response.status_code, response.content) == (401, b"")


def test_prometheus_reads_it_with_the_token(client: Client, token: str) -> None:
    response = client.get("/metrics", HTTP_HOST="10.0.0.7", headers={"Authorization": f"Bearer {token}"})
    assert response.status_code == 200
    assert response["Content-Type"].startswith("text/plain; version=")
    assert not response.cookies
    assert ("problems_open", "") in read(response.content)


def test_the_figures_are_those_of_the_service(digest: Digest) -> None:
    now = timezone.now().replace(hour=12, minute=30)
    tally({"sent": 900, "failed": 3, "uncertain": 2}, now)
    tally({"sent": 100, "retry": 7}, now - timedelta(hours=1))
    tally({"sent": 5_000}, now - timedelta(days=1))
    Mailing.objects.create(
        kind="digest", list=digest.list, digest=digest, version=digest.template.versions.get(), status="paused",
        scheduled_for=now, planned=10, sent=4,
    )  # fmt: skip
    mailing = Mailing.objects.create(
        kind="announcement", list=digest.list, version=digest.template.versions.get(), status="sending",
        scheduled_for=now - timedelta(minutes=5), planned=3, sent=1,
    )  # fmt: skip
    person = digest.list.subscriptions.first().recipient
    Delivery.objects.create(mailing=mailing, recipient=person)
    note_worker(Worker("celery@mail-1", 4, "bulk"), now - timedelta(hours=3), now - timedelta(seconds=20))
    note_tick(now - timedelta(seconds=40))
    Alert.objects.create(key="beat", title="Beat is silent", text="It is.", since=now, seen_at=now)
    Alert.objects.create(key="workers", title="Gone", text="Back.", since=now, seen_at=now, ended_at=now)
    found = read(metrics_text(now))
    expected = {
        ("mails_total", "sent"): 1_000, ("mails_total", "failed"): 3, ("mails_total", "retry"): 7,
        ("mails_uncertain", ""): 2, ("mails_sent_last_hour", ""): 100,
        ("deliveries_unsent", "waiting"): 2, ("deliveries_unsent", "held"): 6,
        ("oldest_unsent_seconds", ""): 300, ("broker_up", ""): 1,
        ("worker_heartbeat_age_seconds", "celery@mail-1"): 20, ("workers_alive", ""): 1,
        ("tick_age_seconds", ""): 40, ("problems_open", ""): 1, ("feeds_failing", ""): 0,
    }  # fmt: skip
    assert {key: found.get(key) for key in expected} == expected
    assert {queue for name, queue in found if name == "queue_messages"} == {"default", "transactional", "bulk"}


def test_it_asks_as_few_questions_however_much_was_sent(digest: Digest) -> None:
    now = timezone.now()
    Tally.objects.bulk_create(Tally(hour=now.replace(minute=0, second=0, microsecond=0), sent=1) for _ in range(500))
    with CaptureQueriesContext(
        connection,
    ) as asked:
        metrics_text(now)
    assert len(asked) <= 14
    on_the_log = [query["sql"] for query in asked if 'FROM "mailer_delivery"' in query["sql"]]
    assert all("queued" in sql for sql in on_the_log), "only the partial indexes of open deliveries may be read"


def test_the_dashboard_and_the_docs_name_the_metrics_that_there_are(digest: Digest) -> None:
    now = timezone.now()
    note_tick(now)
    task = digest.periodic_task
    assert task is not None
    type(task).objects.filter(pk=task.pk).update(task="mailer.tasks.tick", last_run_at=now)
    note_worker(Worker("celery@mail-1", 4, "bulk"), now, now)
    Tally.objects.create(hour=now, sent=1, within_1=1)
    there = {PREFIX + name for name, _ in read(metrics_text(now))}
    dashboard = json.loads((ROOT / "docs" / "grafana.json").read_text(encoding="utf-8"))
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    shown = {name for query in queries for name in re.findall(rf"{PREFIX}\w+", query)}
    assert all(re.search(PREFIX, query) for query in queries)
    assert shown == there
    documented = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    names = {re.sub(r"_(bucket|sum|count)$", "", name.removeprefix(PREFIX)) for name in there}
    assert [name for name in names if f"`{name}" not in documented] == []
