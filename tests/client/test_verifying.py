"""The client's `verify_webhook` knows our events and no others."""

from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from pytest_django.fixtures import Settings

from afternoon_post import InvalidSignature, verify_webhook
from mailer.models import WebhookEndpoint
from mailer.models.webhooks import new_secret
from mailer.webhooks.dispatch import send_test
from tests.fake_web import Asked, Reply, started_web

pytestmark = pytest.mark.django_db


@pytest.fixture
def endpoint() -> WebhookEndpoint:
    return WebhookEndpoint(name="CRM", events=["delivery.failed"], secret=new_secret())


@pytest.fixture
def event(endpoint: WebhookEndpoint, settings: Settings) -> Asked:
    """A request as it comes to a webhook."""
    settings.FETCH_ALLOW = ["127.0.0.0/8", "::1/128"]
    with started_web() as web:
        web.replies["/hook"] = Reply(204)
        endpoint.url = f"{web.url}/hook"
        endpoint.save()
        send_test(endpoint, partial(datetime.now, UTC))
        return web.asked[0]


def test_an_event_of_ours_is_read(endpoint: WebhookEndpoint, event: Asked):
    read = verify_webhook({name.upper(): value for name, value in event.headers.items()}, event.body, endpoint.secret)
    assert (read.type, read.data, read.id) == ("webhook.test", {"endpoint": "CRM"}, event.headers["webhook-id"])
    assert datetime.now(UTC) - read.time < timedelta(minutes=5)


def test_with_a_new_secret_beside_it_the_old_one_holds(endpoint: WebhookEndpoint, event: Asked):
    both = {**event.headers, "webhook-signature": f"v1,AAAA {event.headers['webhook-signature']}"}
    assert verify_webhook(both, event.body, endpoint.secret).type == "webhook.test"


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-id": "1"},
        {"webhook-timestamp": "1"},
        {"webhook-timestamp": "soon"},
        {"webhook-signature": ""},
        {"webhook-signature": "v1,ü"},
    ],
    ids=str,
)
def test_what_was_changed_is_refused(endpoint: WebhookEndpoint, event: Asked, change: dict[str, str]):
    with pytest.raises(InvalidSignature):
        verify_webhook({**event.headers, **change}, event.body, endpoint.secret)


def test_another_body_another_secret_and_no_headers_are_refused(endpoint: WebhookEndpoint, event: Asked):
    for headers, body, secret in (
        (event.headers, event.body + b" ", endpoint.secret),
        (event.headers, event.body, new_secret()),
        (event.headers, event.body, "whsec_no Base64"),
        ({}, event.body, endpoint.secret),
    ):
        with pytest.raises(InvalidSignature):
            verify_webhook(headers, body, secret)
    with pytest.raises(InvalidSignature, match="s old"):
        verify_webhook(event.headers, event.body, endpoint.secret, tolerance=-1)
