"""An endpoint of another program, on a web server of the test's own."""

from collections.abc import Callable, Iterator

import pytest
from pytest_django.fixtures import Settings

from mailer.models import WebhookEndpoint
from mailer.models.webhooks import OFFERED, new_secret
from tests.fake_web import FakeWeb, Reply, started_web

MakeEndpoint = Callable[..., WebhookEndpoint]


@pytest.fixture
def web(settings: Settings) -> Iterator[FakeWeb]:
    """It takes everything, until a test tells it otherwise."""
    settings.FETCH_ALLOW = ["127.0.0.0/8", "::1/128"]
    with started_web() as running:
        running.replies["/hook"] = Reply(204)
        yield running


@pytest.fixture
def make_endpoint(db: None, web: FakeWeb) -> MakeEndpoint:
    def make(path: str = "/hook", **values: object) -> WebhookEndpoint:
        known = {"name": path, "url": f"{web.url}{path}", "events": [name for name, _ in OFFERED]}
        return WebhookEndpoint.objects.create(**(known | {"secret": new_secret()} | values))

    return make


@pytest.fixture
def endpoint(make_endpoint: MakeEndpoint) -> WebhookEndpoint:
    """One that wants to be told of everything."""
    return make_endpoint()
