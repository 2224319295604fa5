"""What breaks is tried again where doing it twice is doing it once, and never otherwise."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler

import pytest

from afternoon_post import AfternoonPost, NewItem, Problem, Unreachable
from tests.fake_web import Asked, FakeWeb, Reply, started_web

STORED = Reply(200, b'{"ids": [1], "new": 1, "changed": 0}')
ITEMS = "/api/v1/lists/news/items"


@pytest.fixture
def web() -> Iterator[FakeWeb]:
    with started_web() as running:
        yield running


def drop(request: BaseHTTPRequestHandler) -> None:
    request.connection.shutdown(socket.SHUT_RDWR)


def in_turn(*replies: Reply) -> Callable[[Asked], Reply]:
    """The next one each time."""
    rest = iter(replies)
    return lambda asked: next(rest)


def client_of(web: FakeWeb, waits: list[float], **patience: float) -> AfternoonPost:
    return AfternoonPost(web.url, "ap_token", sleep=waits.append, **patience)


def test_a_connection_that_breaks_is_tried_again_where_that_is_safe(web: FakeWeb):
    waits: list[float] = []
    web.replies[ITEMS] = in_turn(Reply(raw=drop), Reply(raw=drop), STORED)
    assert client_of(web, waits).write_item("news", NewItem("One", external_id="a")) == 1
    assert (len(web.asked), waits) == (3, [1.0, 2.0])
    assert len({asked.body for asked in web.asked}) == 1


def test_what_may_have_happened_once_is_not_done_again(web: FakeWeb):
    web.replies[ITEMS] = in_turn(Reply(raw=drop), STORED)
    with pytest.raises(Unreachable):
        client_of(web, []).write_item("news", NewItem("One"))
    web.replies["/api/v1/suppressions/ada@example.org"] = Reply(raw=drop)
    with pytest.raises(Unreachable):
        client_of(web, []).lift_suppression("ada@example.org", "asked")
    assert len(web.asked) == 2


def test_a_mail_that_is_tried_again_has_the_same_key(web: FakeWeb):
    web.replies["/api/v1/notifications"] = in_turn(Reply(raw=drop), Reply(422, b"{}"))
    with pytest.raises(Problem):
        client_of(web, []).notify("ada@example.org", "reset")
    first, second = web.asked
    assert first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"]
    assert json.loads(first.body) == {"to": "ada@example.org", "template": "reset", "context": {}, "attachments": []}


@pytest.mark.parametrize("status", [429, 503])
def test_who_asks_for_patience_gets_it_and_nobody_for_ever(web: FakeWeb, status: int):
    waits: list[float] = []
    in_a_while = {"Retry-After": formatdate(time.time() + 30, usegmt=True)}
    web.replies[ITEMS] = in_turn(
        Reply(status, headers={"Retry-After": "7"}), Reply(status, headers=in_a_while), Reply(status), STORED
    )
    assert client_of(web, waits).write_item("news", NewItem("One")) == 1
    assert waits[0] == 7
    assert 20 < waits[1] <= 30
    assert waits[2] == 4
    web.replies[ITEMS] = Reply(status, headers={"Retry-After": "3600"})
    with pytest.raises(Problem) as caught:
        client_of(web, waits).write_item("news", NewItem("One"))
    assert (caught.value.status, len(waits)) == (status, 3)


def test_it_gives_up_after_so_many_tries(web: FakeWeb):
    web.replies["/api/v1/lists"] = Reply(503)
    with pytest.raises(Problem):
        client_of(web, [], retries=2).lists()
    web.replies["/api/v1/lists"] = Reply(raw=drop)
    with pytest.raises(Unreachable):
        client_of(web, [], retries=2).lists()
    assert len(web.asked) == 6


@pytest.mark.parametrize(
    ("reply", "status", "title"),
    [
        (Reply(502, b"<html>Bad gateway</html>"), 502, "Bad Gateway"),
        (Reply(302, headers={"Location": "https://elsewhere.example/"}), 302, "Found"),
        (Reply(200, b"<html>Hello</html>"), 200, "No JSON"),
        (Reply(418, b"[1]"), 418, "I'm a Teapot"),
        (Reply(599, b""), 599, "Unknown"),
    ],
)
def test_what_is_no_answer_of_the_service_is_a_problem_too(web: FakeWeb, reply: Reply, status: int, title: str):
    web.replies["/api/v1/lists"] = reply
    with pytest.raises(Problem) as caught:
        client_of(web, []).lists()
    assert (caught.value.status, caught.value.title, caught.value.fields) == (status, title, {})


def test_the_token_is_in_no_text_of_ours(web: FakeWeb):
    client = client_of(web, [])
    with pytest.raises(Problem) as caught:
        client.lists()
    assert web.asked[0].headers["Authorization"] == "Bearer ap_token"
    assert "ap_token" not in f"{client._transport!r}{caught.value!r}"


def test_a_service_below_a_path_and_fields_of_later_versions_are_fine(web: FakeWeb):
    row = {"slug": "news", "name": "News", "description": "", "time_zone": "UTC", "language": "en", "colour": "new"}
    web.replies["/post/api/v1/lists"] = Reply(200, json.dumps([row]).encode())
    assert [each.slug for each in AfternoonPost(f"{web.url}/post/", "ap_x").lists()] == ["news"]
