"""What a row sends, and whether all of it arrived once and is written down as it was."""

import json
import time
from collections import Counter
from datetime import timedelta
from typing import Any

from django.db import connection
from django.utils import timezone
from django_celery_results.models import TaskResult

from mailer.models import Digest, EmailTemplate, Heartbeat, Mailing, Recipient, RecipientList, Subscription
from mailer.scheduling.planning import plan_now
from mailer.templating.sync import sync_folder, template_folders
from mailer.waking import wake_mailing
from tests.build import make_digest, make_item
from tests.crash.program import wait_for
from tests.crash.rules import Ledger, Row, examine
from tests.matrix.place import Place

#: As many messages to workers as mailings, so that a pool has something to share out.
MAILINGS = 4
PEOPLE = 1_000


class Inexact(Exception):
    """Something is not as it must be; the message says what."""


def make_lists(people: int = PEOPLE, lists: int = MAILINGS) -> list[Digest]:
    """As many lists with a digest and an item each, with the people shared out."""
    sync_templates()
    template = EmailTemplate.objects.get(slug="digest")
    return [_make_list(number, people // lists, template) for number in range(lists)]


def sync_templates() -> None:
    """The shipped mails, as `manage.py sync_templates` brings them in."""
    for folder in template_folders():
        sync_folder(folder)


def send(digests: list[Digest]) -> list[Mailing]:
    """Plan each now, and wake workers for it, as `send_digest --now` does."""
    mailings = [plan_now(digest, timezone.now()) for digest in digests]
    for mailing in mailings:
        wake_mailing(mailing.pk)
    return mailings


def wait_for_workers(count: int = 1, limit: float = 60) -> None:
    """Until so many have signed on."""
    wait_for(lambda: Heartbeat.objects.filter(kind="worker").count() >= count, "the worker", limit, 0.1)


def wait_until_done(mailings: list[Mailing], limit: float = 120) -> None:
    ids = [mailing.pk for mailing in mailings]
    open_ones = Mailing.objects.filter(pk__in=ids).exclude(status=Mailing.Status.DONE)
    wait_for(lambda: not open_ones.exists(), "the mailings", limit, 0.02)


def check(place: Place, mailings: list[Mailing], is_logged: bool = True) -> list[float]:
    """Each person got each mail once, and rows, sums and task results say so. Returns when each came, in order.

    Raises Inexact.
    """
    ledger = Ledger(place.ledger)
    ledger.read()
    for mailing in mailings:
        mailing.refresh_from_db()
        row = examine(mailing, ledger, Row(fault="none", database=connection.vendor))
        if row.broken or row.uncertain:
            raise Inexact(f"mailing {mailing.pk}: {'; '.join(row.broken) or f'{row.uncertain} uncertain'}")
        attempts = Counter(mailing.deliveries.values_list("attempts", flat=True))
        if set(attempts) - {1}:
            raise Inexact(f"mailing {mailing.pk}: attempts {dict(attempts)}")
    if is_logged:
        _check_results(mailings)
    return sorted(ledger.times)


def measure(place: Place, digests: list[Digest]) -> dict[str, Any]:
    """Send the digests; how long it took from the first call to the last row, and that it was exact."""
    began = time.monotonic()
    mailings = send(digests)
    wait_until_done(mailings)
    seconds = time.monotonic() - began
    check(place, mailings)
    people = sum(mailing.planned for mailing in mailings)
    return {"mails": people, "seconds": round(seconds, 2), "a second": round(people / seconds)}


def _make_list(number: int, people: int, template: EmailTemplate) -> Digest:
    made = RecipientList.objects.create(slug=f"list-{number}", name=f"List {number}")
    persons = Recipient.objects.bulk_create(
        Recipient(email=f"person{number}.{person}@example.org", name=f"Person {person}") for person in range(people)
    )
    Subscription.objects.bulk_create(Subscription(list=made, recipient=person) for person in persons)
    make_item(made, "The harbour is open", published_at=timezone.now() - timedelta(hours=1))
    digest = make_digest(made, template)
    Digest.objects.filter(pk=digest.pk).update(checked_through=timezone.now())  # no tick sends what was due before
    return digest


def _check_results(mailings: list[Mailing]) -> None:
    """The workers' summaries are in the database, and name as many mails as were sent."""
    expected = {mailing.pk: mailing.sent for mailing in mailings}
    named: Counter[int] = Counter()

    def count() -> bool:
        named.clear()
        for text in TaskResult.objects.filter(task_name="mailer.tasks.deliver").values_list("result", flat=True):
            summary = json.loads(text)
            named[summary["mailing"]] += summary.get("sent", 0)
        return all(named[pk] == sent for pk, sent in expected.items())

    try:
        wait_for(count, "the task results", 10, 0.1)
    except TimeoutError as error:
        raise Inexact(f"the task results name {dict(named)} mails, the log {expected}") from error
