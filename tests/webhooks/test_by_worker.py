"""The whole way through a real broker and a real worker: what happens is told a moment after it is committed."""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.utils import timezone

from config.celery import app
from mailer import tasks, waking
from mailer.audience.consent import Word
from mailer.feedback.unsubscribes import unsubscribe_recipient
from mailer.models import Recipient, RecipientList, WebhookDelivery, WebhookEndpoint
from mailer.models.outbox import write_test
from tests.fake_web import FakeWeb, Reply
from tests.test_notify import use_broker
from tests.worker import running_worker

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def worker() -> Iterator[None]:
    app.control.purge()
    with running_worker():
        yield


def wait_until(condition: Callable[[], bool]) -> None:
    for _ in range(600):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it did not happen")


def are_delivered(count: int) -> bool:
    return WebhookDelivery.objects.filter(state="delivered").count() == count


def test_what_is_committed_wakes_a_worker(
    mailing_list: RecipientList, endpoint: WebhookEndpoint, web: FakeWeb, worker: None
):
    person = Recipient.objects.earliest("pk")
    unsubscribe_recipient(mailing_list.pk, person.pk, Word("by phone", timezone.now()))
    wait_until(lambda: are_delivered(1))
    assert [asked.method for asked in web.asked] == ["POST"]


def test_events_whose_message_was_lost_are_found_by_the_tick(endpoint: WebhookEndpoint, web: FakeWeb, worker: None):
    web.replies["/hook"] = Reply(200)
    write_test(endpoint, timezone.now(), first_try=timezone.now() - timedelta(seconds=1))
    assert web.asked == []
    tasks.tick.delay()
    wait_until(lambda: are_delivered(1))
    assert len(web.asked) == 1


@pytest.mark.long
@pytest.mark.once
def test_a_broker_that_is_away_keeps_nobody_from_leaving_and_is_let_be_for_a_while(
    mailing_list: RecipientList, endpoint: WebhookEndpoint, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(waking._let_be, "until", 0.0)
    person, url = Recipient.objects.earliest("pk"), app.conf.broker_url
    use_broker(url, dead := "redis://127.0.0.1:1/0")
    try:
        assert unsubscribe_recipient(mailing_list.pk, person.pk, Word("by phone", timezone.now()))
    finally:
        use_broker(dead, url)
    assert WebhookDelivery.objects.get().state == "pending"
    assert not waking.wake_events(endpoint.pk), "it works again, and is not asked yet"
    monkeypatch.setitem(waking._let_be, "until", 0.0)
    assert waking.wake_events(endpoint.pk)
