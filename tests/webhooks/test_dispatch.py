"""Events arrive signed, once where all goes well, and again where it does not; no endpoint waits for another."""

import hmac
import json
import socket
import threading
from base64 import b64decode, b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from http.server import BaseHTTPRequestHandler
from uuid import UUID, uuid4

import pytest
from django.db import connection

from mailer.models import EventType, WebhookDelivery, WebhookEndpoint
from mailer.models.outbox import write_test
from mailer.outside.fetch import Limits
from mailer.webhooks import dispatch
from mailer.webhooks.dispatch import deliver_events, send_test
from mailer.webhooks.patience import LONGEST_REST, RETRY_DELAYS, rest_after, retry_in
from mailer.webhooks.upkeep import due_endpoints, purge_events, replay, switch_on
from tests.fake_web import Asked, FakeWeb, Reply
from tests.webhooks.conftest import MakeEndpoint

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)


def at(moment: datetime) -> Callable[[], datetime]:
    return lambda: moment


def make_event(
    endpoint: WebhookEndpoint, when: datetime = NOW, kind: EventType = EventType.DELIVERY_FAILED
) -> WebhookDelivery:
    """An event that is due."""
    row = write_test(endpoint, when, first_try=when)
    WebhookDelivery.objects.filter(pk=row.pk).update(type=kind)
    row.refresh_from_db()
    return row


def is_signed(asked: Asked, secret: str) -> bool:
    """As the specification says, by none of our code."""
    headers = {name.lower(): value for name, value in asked.headers.items()}
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.{asked.body.decode()}".encode()
    key = b64decode(secret.split("_", 1)[1])
    expected = "v1," + b64encode(hmac.new(key, signed, sha256).digest()).decode()
    return expected in headers["webhook-signature"].split(" ")


def hang_up_mid_way(request: BaseHTTPRequestHandler) -> None:
    request.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of")
    request.connection.shutdown(socket.SHUT_RDWR)


def test_an_event_arrives_signed_and_as_it_was_written(web: FakeWeb, endpoint: WebhookEndpoint):
    row = make_event(endpoint)
    assert not deliver_events(endpoint.pk, at(NOW))
    asked = web.asked[0]
    assert (asked.method, asked.headers["Content-Type"], len(web.asked)) == ("POST", "application/json", 1)
    assert asked.headers["webhook-id"] == json.loads(asked.body)["id"] == str(row.event_id)
    assert asked.headers["webhook-timestamp"] == str(int(NOW.timestamp()))
    assert is_signed(asked, endpoint.secret)
    row.refresh_from_db()
    assert (row.state, row.attempts, row.status_code, row.problem) == ("delivered", 1, 204, "")
    assert row.duration_ms is not None
    assert row.next_attempt_at is None
    assert not deliver_events(endpoint.pk, at(NOW + timedelta(days=2)))
    assert len(web.asked) == 1


def test_while_a_secret_is_rotated_both_sign(web: FakeWeb, endpoint: WebhookEndpoint):
    first, second = endpoint.secret, endpoint.rotate_secret(NOW)
    for hours in (1, 30):
        make_event(endpoint)
        deliver_events(endpoint.pk, at(NOW + timedelta(hours=hours)))
    assert [is_signed(asked, first) for asked in web.asked] == [True, False]
    assert [is_signed(asked, second) for asked in web.asked] == [True, True]


@pytest.mark.parametrize(
    ("reply", "words", "status"),
    [
        (Reply(500, b"Something broke"), "answered 500", 500),
        (Reply(302, headers={"Location": "/elsewhere"}), "Redirects are not followed", 302),
        (Reply(raw=hang_up_mid_way), "could not be asked", None),
        (Reply(404), "answered 404", 404),
    ],
    ids=["500", "redirect", "dies mid way", "404"],
)
def test_what_does_not_arrive_is_tried_again_for_three_days(
    web: FakeWeb, endpoint: WebhookEndpoint, reply: Reply, words: str, status: int | None
):
    web.replies |= {"/hook": reply, "/elsewhere": Reply(200)}
    row, now = make_event(endpoint), NOW
    while row.state == "pending":
        now = row.next_attempt_at or now
        assert not deliver_events(endpoint.pk, at(max(now, endpoint.next_at or now)))
        row.refresh_from_db()
        endpoint.refresh_from_db()
    assert (row.state, row.attempts, row.status_code) == ("failed", len(RETRY_DELAYS) + 1, status)
    assert words in row.problem
    assert len(web.asked) == row.attempts
    assert timedelta(days=2.5) < now - NOW < timedelta(days=3.5)
    assert {asked.path for asked in web.asked} == {"/hook"}
    assert {asked.headers["webhook-id"] for asked in web.asked} == {str(row.event_id)}
    assert (endpoint.failing_since, endpoint.is_enabled) == (NOW, True)


def test_an_answer_that_does_not_come_is_waited_for_a_while(
    web: FakeWeb, endpoint: WebhookEndpoint, monkeypatch: pytest.MonkeyPatch
):
    done = threading.Event()
    monkeypatch.setattr(dispatch, "LIMITS", Limits(seconds=0.3, size=1_000))
    web.replies["/hook"] = Reply(raw=lambda request: done.wait(20) and None)
    row = make_event(endpoint)
    deliver_events(endpoint.pk, at(NOW))
    done.set()
    row.refresh_from_db()
    assert (row.state, row.attempts, row.status_code) == ("pending", 1, None)
    assert "took more than 0.3 seconds" in row.problem


def test_a_server_on_our_own_network_is_not_asked(web: FakeWeb, make_endpoint: MakeEndpoint):
    inside = make_endpoint(url="http://169.254.169.254/latest/meta-data")
    row = make_event(inside)
    deliver_events(inside.pk, at(NOW))
    row.refresh_from_db()
    assert "not on the public internet" in row.problem


def test_a_long_answer_is_kept_as_its_beginning(web: FakeWeb, endpoint: WebhookEndpoint):
    web.replies["/hook"] = Reply(400, b"\x00\xff" + b"x" * 100_000)
    row = make_event(endpoint)
    deliver_events(endpoint.pk, at(NOW))
    row.refresh_from_db()
    assert (len(row.response), row.response[:3], row.status_code) == (999, "\ufffdxx", 400)


def test_410_switches_the_endpoint_off(web: FakeWeb, endpoint: WebhookEndpoint):
    web.replies["/hook"] = Reply(410)
    gone, waiting = make_event(endpoint), make_event(endpoint)
    deliver_events(endpoint.pk, at(NOW))
    endpoint.refresh_from_db()
    assert (endpoint.is_enabled, endpoint.switched_off_at, len(web.asked)) == (False, NOW, 1)
    assert [row.state for row in (WebhookDelivery.objects.get(pk=one.pk) for one in (gone, waiting))] == [
        "failed", "pending",
    ]  # fmt: skip
    assert due_endpoints(NOW + timedelta(days=1)) == []
    assert list(WebhookEndpoint.objects.troubled(NOW)) == [endpoint]


def test_after_days_of_silence_it_is_switched_off_and_begins_anew_when_enabled(web: FakeWeb, endpoint: WebhookEndpoint):
    web.replies["/hook"] = Reply(503)
    for day in range(6):
        make_event(endpoint, NOW + timedelta(days=day))
        deliver_events(endpoint.pk, at(NOW + timedelta(days=day)))
    endpoint.refresh_from_db()
    assert (endpoint.is_enabled, endpoint.failing_since) == (False, NOW)
    web.replies["/hook"] = Reply(200)
    switch_on(endpoint)
    endpoint.save()
    later = NOW + timedelta(days=7)
    assert due_endpoints(later) == [endpoint.pk]
    deliver_events(endpoint.pk, at(later))
    endpoint.refresh_from_db()
    assert (endpoint.failures, endpoint.failing_since, endpoint.reached_at) == (0, None, later)
    assert not WebhookDelivery.objects.exclude(state="delivered").exists()


def test_a_server_that_asks_for_patience_gets_it(web: FakeWeb, endpoint: WebhookEndpoint):
    web.replies["/hook"] = Reply(429, headers={"Retry-After": "7200"})
    row = make_event(endpoint)
    deliver_events(endpoint.pk, at(NOW))
    row.refresh_from_db()
    assert row.next_attempt_at == NOW + timedelta(hours=2)


def test_an_endpoint_that_fails_rests_and_one_event_finds_out_whether_it_is_back(
    web: FakeWeb, endpoint: WebhookEndpoint
):
    web.replies["/hook"] = Reply(500)
    for _ in range(10):
        make_event(endpoint)
    assert not deliver_events(endpoint.pk, at(NOW))
    assert len(web.asked) == 3
    assert not deliver_events(endpoint.pk, at(NOW + timedelta(seconds=30)))
    assert due_endpoints(NOW + timedelta(seconds=30)) == []
    assert len(web.asked) == 3
    later = NOW + timedelta(minutes=2)
    assert due_endpoints(later) == [endpoint.pk]
    deliver_events(endpoint.pk, at(later))
    assert len(web.asked) == 4
    web.replies["/hook"] = Reply(200)
    deliver_events(endpoint.pk, at(later + timedelta(hours=1)))
    assert not WebhookDelivery.objects.exclude(state="delivered").exists()
    assert len(web.asked) == 14


def test_the_oldest_goes_first(web: FakeWeb, endpoint: WebhookEndpoint):
    ids = [make_event(endpoint, NOW - timedelta(minutes=minutes)).event_id for minutes in (1, 3, 2)]
    deliver_events(endpoint.pk, at(NOW))
    assert [asked.headers["webhook-id"] for asked in web.asked] == [str(ids[place]) for place in (1, 2, 0)]


def test_a_turn_ends_in_time_for_the_others(web: FakeWeb, endpoint: WebhookEndpoint):
    for _ in range(5):
        make_event(endpoint)
    moments = iter(NOW + timedelta(seconds=3 * number) for number in range(1_000))
    assert deliver_events(endpoint.pk, lambda: next(moments))
    assert 0 < len(web.asked) < 5
    assert due_endpoints(next(moments)) == [endpoint.pk]


def test_one_worker_sends_to_an_endpoint_at_a_time_and_one_that_died_gives_it_back(
    web: FakeWeb, endpoint: WebhookEndpoint
):
    make_event(endpoint)
    assert endpoint.lease(NOW)
    assert not deliver_events(endpoint.pk, at(NOW))
    assert due_endpoints(NOW) == []
    assert web.asked == []
    assert due_endpoints(NOW + timedelta(minutes=3)) == [endpoint.pk]
    deliver_events(endpoint.pk, at(NOW + timedelta(minutes=3)))
    assert len(web.asked) == 1


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_send_each_event_once(web: FakeWeb, make_endpoint: MakeEndpoint):
    endpoints = [make_endpoint("/hook"), make_endpoint("/slow", url=f"{web.url}/slow")]
    both_asked = threading.Barrier(2)

    def wait_for_the_other(asked: Asked) -> Reply:
        if len([one for one in web.asked if one.path == asked.path]) == 1:
            both_asked.wait(20)  # neither endpoint's worker can come before the other's is there too
        return Reply(200)

    web.replies |= {"/hook": wait_for_the_other, "/slow": wait_for_the_other}
    events = [make_event(endpoint) for endpoint in endpoints for _ in range(4)]

    def work(endpoint: WebhookEndpoint) -> None:
        try:
            deliver_events(endpoint.pk, at(NOW))
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as workers:
        list(workers.map(work, endpoints * 2))
    sent = sorted(asked.headers["webhook-id"] for asked in web.asked)
    assert sent == sorted(str(row.event_id) for row in events)
    assert set(WebhookDelivery.objects.values_list("state", "attempts")) == {("delivered", 1)}


@pytest.mark.django_db(transaction=True)
def test_staff_who_switch_it_off_stop_a_worker_before_its_next_event(web: FakeWeb, endpoint: WebhookEndpoint):
    def answer(asked: Asked) -> Reply:
        WebhookEndpoint.objects.filter(pk=endpoint.pk).update(is_enabled=False, name="Changed meanwhile")
        connection.close()
        return Reply(200)

    web.replies["/hook"] = answer
    for _ in range(3):
        make_event(endpoint)
    deliver_events(endpoint.pk, at(NOW))
    endpoint.refresh_from_db()
    assert (len(web.asked), endpoint.name, endpoint.is_enabled) == (1, "Changed meanwhile", False)


@pytest.mark.django_db(transaction=True)
def test_what_was_taken_out_of_a_body_while_it_was_sent_is_not_kept_of_the_answer(
    web: FakeWeb, endpoint: WebhookEndpoint
):
    row = make_event(endpoint)

    def echo(asked: Asked) -> Reply:
        WebhookDelivery.objects.filter(pk=row.pk).update(body="{}")
        connection.close()
        return Reply(200, asked.body)

    web.replies["/hook"] = echo
    deliver_events(endpoint.pk, at(NOW))
    row.refresh_from_db()
    assert (row.state, row.body, row.response) == ("delivered", "{}", "")


def test_a_replay_sends_the_same_event_again_under_its_own_id(web: FakeWeb, endpoint: WebhookEndpoint):
    row = make_event(endpoint)
    deliver_events(endpoint.pk, at(NOW))
    later = NOW + timedelta(days=3)
    WebhookEndpoint.objects.update(next_at=later + timedelta(minutes=5))
    assert replay(WebhookDelivery.objects.filter(pk=row.pk), later) == {endpoint.pk}
    deliver_events(endpoint.pk, at(later))
    first, second = web.asked
    assert first.body == second.body
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.headers["webhook-signature"] != second.headers["webhook-signature"]
    WebhookEndpoint.objects.update(is_enabled=False)
    assert replay(WebhookDelivery.objects.filter(pk=row.pk), later) == set()


def test_a_test_event_is_sent_at_once_and_tried_once(web: FakeWeb, endpoint: WebhookEndpoint):
    WebhookEndpoint.objects.update(is_enabled=False)
    row = send_test(endpoint, at(NOW))
    assert (row.state, json.loads(row.body)["type"], len(web.asked)) == ("delivered", "webhook.test", 1)
    web.replies["/hook"] = Reply(500)
    assert send_test(endpoint, at(NOW)).state == "failed"


def test_old_events_are_purged(endpoint: WebhookEndpoint):
    make_event(endpoint, NOW - timedelta(days=31))
    new = make_event(endpoint, NOW - timedelta(days=29))
    assert purge_events(NOW - timedelta(days=30)) == 1
    assert list(WebhookDelivery.objects.all()) == [new]


def test_the_waits_grow_and_do_not_fall_together():
    event = UUID(int=0)
    waits = [retry_in(attempts, event) for attempts in range(1, 11)]
    assert waits == [*RETRY_DELAYS, None, None]
    assert len({retry_in(3, uuid4()) for _ in range(20)}) > 1
    usual = RETRY_DELAYS[2]
    assert all(usual <= (retry_in(3, uuid4()) or usual) <= usual * 1.1 for _ in range(50))
    assert [rest_after(failures) for failures in (2, 3, 4, 50)] == [
        None, timedelta(minutes=1), timedelta(minutes=2), LONGEST_REST,
    ]  # fmt: skip
