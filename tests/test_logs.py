"""One id leads from a request to the lines of the worker that did what it asked for."""

import io
import json
import logging
import sys
from collections.abc import Iterator

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.utils import timezone

from config.celery import app
from config.logs import JsonLine, follow_request, logging_settings
from mailer.models import Digest, Mailing
from mailer.scheduling.planning import plan_now
from mailer.waking import wake_mailing
from tests.build import make_item
from tests.fake_relay import FakeRelay
from tests.test_worker import wait_until
from tests.worker import running_worker

Lines = io.StringIO


@pytest.fixture
def lines() -> Iterator[Lines]:
    """What Celery's tasks write when they end, as JSON."""
    written, logger = io.StringIO(), logging.getLogger("celery.app.trace")
    output, level = logging.StreamHandler(written), logger.level
    output.setFormatter(JsonLine())
    logger.addHandler(output)
    logger.setLevel(logging.INFO)
    yield written
    logger.removeHandler(output)
    logger.setLevel(level)


@pytest.mark.django_db(transaction=True)
def test_a_requests_id_is_in_the_workers_line(digest: Digest, relay: FakeRelay, lines: Lines) -> None:
    make_item(digest.list)
    mailing = plan_now(digest, timezone.now())

    def view(request: HttpRequest) -> HttpResponse:
        wake_mailing(mailing.pk)
        return HttpResponse()

    app.control.purge()
    with running_worker():
        response = follow_request(view)(RequestFactory().get("/", headers={"X-Request-ID": "from-the-proxy-1"}))
        wait_until(lambda: Mailing.objects.get().final and "deliver[" in lines.getvalue())
    line = next(found for found in map(json.loads, lines.getvalue().splitlines()) if "deliver[" in found["message"])
    assert response["X-Request-ID"] == line["request_id"] == "from-the-proxy-1"
    assert line["mailing_id"] == str(mailing.pk)
    assert line["task_id"] in line["message"]
    assert set(line) == {"time", "level", "logger", "message", "request_id", "task_id", "mailing_id"}
    assert "@example.org" not in lines.getvalue()


@pytest.mark.parametrize("told", ["", "short", "x" * 65, 'quoted"12345', "späßchen-123"])
def test_an_id_that_is_not_sane_is_replaced(told: str) -> None:
    answer = follow_request(lambda request: HttpResponse())
    given = answer(RequestFactory().get("/", headers={"X-Request-ID": told}))["X-Request-ID"]
    assert given != told
    assert len(given) == 32


def test_the_ids_of_one_request_are_not_those_of_the_next() -> None:
    answer = follow_request(lambda request: HttpResponse())
    first, second = (answer(RequestFactory().get("/"))["X-Request-ID"] for _ in range(2))
    assert first != second
    record = logging.LogRecord("post", logging.INFO, "", 0, "later", None, None)
    assert "request_id" not in json.loads(JsonLine().format(record))


def test_every_page_of_the_service_tells_its_id(client: Client, db: None) -> None:
    assert (
        client.get("/admin/login/", headers={"X-Request-ID": "from-the-proxy-1"})["X-Request-ID"] == "from-the-proxy-1"
    )


def test_a_line_is_one_line_and_takes_over_nothing_that_hangs_on_it() -> None:
    try:
        raise ValueError("one\ntwo")
    except ValueError:
        record = logging.LogRecord("post", logging.ERROR, "", 0, "It is %s", ("so\nso",), sys.exc_info())
    record.data = {"args": "ada@example.org"}
    line = JsonLine().format(record)
    assert "\n" not in line
    assert "ada@example.org" not in line
    found = json.loads(line)
    assert (found["level"], found["logger"], found["message"]) == ("ERROR", "post", "It is so\nso")
    assert found["traceback"].startswith("Traceback")


def test_json_goes_to_stdout_and_plain_lines_to_stderr() -> None:
    streams = [logging_settings(name, "INFO")["handlers"]["lines"]["stream"] for name in ("json", "text", "")]
    assert streams == ["ext://sys.stdout", "ext://sys.stderr", "ext://sys.stderr"]
    with pytest.raises(ValueError, match="LOG_FORMAT is 'xml'"):
        logging_settings("xml", "INFO")
