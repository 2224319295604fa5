"""An admin makes an endpoint, tries it, reads what was told to it, and has it told again."""

import re
from collections.abc import Iterator

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from mailer.models import Recipient, WebhookDelivery, WebhookEndpoint
from mailer.models.outbox import tell_of_unsubscription
from mailer.models.roles import grant_roles
from mailer.webhooks.dispatch import deliver_events
from tests.admin.world import World
from tests.fake_web import FakeWeb, Reply, started_web

ADD, LIST = "/admin/mailer/webhookendpoint/add/", "/admin/mailer/webhookdelivery/"


@pytest.fixture
def web(settings: Settings) -> Iterator[FakeWeb]:
    settings.FETCH_ALLOW = ["127.0.0.0/8", "::1/128"]
    with started_web() as running:
        running.replies["/hook"] = Reply(200, b"Thank you")
        yield running


@pytest.fixture
def endpoint(admin_client: Client, world: World, web: FakeWeb) -> WebhookEndpoint:
    admin_client.post(ADD, form(f"{web.url}/hook"))
    return WebhookEndpoint.objects.get()


def form(url: str, **values: object) -> dict[str, object]:
    known = {"name": "CRM", "url": url, "events": ["recipient.unsubscribed"], "of_all_lists": "on", "is_enabled": "on"}
    return {name: value for name, value in (known | values).items() if value is not None}


def page_of(row: WebhookEndpoint | WebhookDelivery, name: str = "change") -> str:
    return f"/admin/mailer/{row._meta.model_name}/{row.pk}/{name}/"


def make_event(world: World) -> WebhookDelivery:
    tell_of_unsubscription(world.mailing_list.pk, Recipient.objects.earliest("pk").pk, "complaint", "", timezone.now())
    return WebhookDelivery.objects.latest("pk")


def text_of(page: str) -> str:
    return page.replace("&#x27;", "'").replace("&quot;", '"')


def test_the_secret_is_shown_once(admin_client: Client, world: World, web: FakeWeb):
    made = admin_client.post(ADD, form(f"{web.url}/hook"))
    endpoint = WebhookEndpoint.objects.get()
    assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=", endpoint.secret)
    assert endpoint.secret in made.content.decode()
    assert "no-store" in made.headers["Cache-Control"]
    for page in (page_of(endpoint), page_of(endpoint, "history"), "/admin/mailer/webhookendpoint/"):
        assert endpoint.secret not in admin_client.get(page).content.decode()


def test_a_new_secret_is_shown_once_and_the_page_says_how_long_both_sign(
    admin_client: Client, endpoint: WebhookEndpoint
):
    first = endpoint.secret
    page = admin_client.post(page_of(endpoint, "rotate")).content.decode()
    endpoint.refresh_from_db()
    assert endpoint.secret != first
    assert endpoint.earlier_secret == first
    assert endpoint.secret in page
    assert first not in page
    assert "signed with the earlier secret too" in admin_client.get(page_of(endpoint)).content.decode()


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"url": "http://169.254.169.254/latest/meta-data"}, "not on the public internet"),
        ({"url": "http://192.0.2.1/hook"}, "not on the public internet"),
        ({"url": "http://93.184.215.14/hook"}, "begins with https://"),
        ({"events": []}, "This field is required"),
        ({"events": ["webhook.test"]}, "is not one of the available choices"),
        ({"of_all_lists": ""}, "Choose a list"),
    ],
)
def test_what_can_not_be_told_is_said_and_not_saved(
    admin_client: Client, world: World, web: FakeWeb, changed: dict[str, object], words: str
):
    page = admin_client.post(ADD, form(f"{web.url}/hook") | changed).content.decode()
    assert words in page
    assert not WebhookEndpoint.objects.exists()


def test_a_test_event_shows_at_once_what_came_of_it(admin_client: Client, endpoint: WebhookEndpoint, web: FakeWeb):
    page = admin_client.post(page_of(endpoint, "test"), follow=True).content.decode()
    assert "It took the test event, in" in page
    assert "Thank you" in page
    assert '"type": "webhook.test"' in text_of(page)
    web.replies["/hook"] = Reply(503, b"Closed")
    page = admin_client.post(page_of(endpoint, "test"), follow=True).content.decode()
    assert "did not take the test event. Its server answered 503." in page
    assert [asked.method for asked in web.asked] == ["POST", "POST"]
    assert "The last try failed: Its server answered 503." in admin_client.get(page_of(endpoint)).content.decode()


def test_the_log_says_what_was_told_and_what_came_of_it(
    admin_client: Client, endpoint: WebhookEndpoint, world: World, web: FakeWeb
):
    web.replies["/hook"] = Reply(500, b"Something broke")
    row = make_event(world)
    deliver_events(endpoint.pk, timezone.now)
    page = admin_client.get(LIST).content.decode()
    assert re.search(r"500 in \d+ ms", page)
    assert re.search(r">\s*recipient\.unsubscribed\s*<", page)
    row.refresh_from_db()
    page = text_of(admin_client.get(page_of(row)).content.decode())
    assert row.next_attempt_at is not None
    assert f"{timezone.localtime(row.next_attempt_at):%H:%M:%S} UTC" in page
    assert "Something broke" in page
    assert '"reason": "complaint"' in page
    assert admin_client.get(f"{LIST}?q={row.event_id}").content.decode().count("recipient.unsubscribed") > 0


def test_one_event_and_a_selection_are_replayed(
    admin_client: Client, endpoint: WebhookEndpoint, world: World, web: FakeWeb
):
    rows = [make_event(world) for _ in range(3)]
    deliver_events(endpoint.pk, timezone.now)
    admin_client.post(page_of(rows[0], "replay"))
    deliver_events(endpoint.pk, timezone.now)
    assert len(web.asked) == 4
    assert web.asked[0].body == web.asked[3].body
    chosen = {"action": "replay_chosen", "_selected_action": [row.pk for row in rows[1:]]}
    page = admin_client.post(LIST, chosen, follow=True).content.decode()
    assert "2 events on the way once more." in page
    deliver_events(endpoint.pk, timezone.now)
    assert len(web.asked) == 6
    assert LogEntry.objects.filter(change_message="Replayed.").count() == 3


def test_events_of_an_endpoint_that_is_off_stay_where_they_are(
    admin_client: Client, endpoint: WebhookEndpoint, world: World
):
    row = make_event(world)
    WebhookDelivery.objects.update(state="failed")
    WebhookEndpoint.objects.update(is_enabled=False)
    page = admin_client.post(page_of(row, "replay"), follow=True).content.decode()
    assert "enable their endpoint first" in page
    row.refresh_from_db()
    assert row.state == "failed"


def test_enabling_it_again_lets_it_begin_anew(admin_client: Client, endpoint: WebhookEndpoint, web: FakeWeb):
    now = timezone.now()
    WebhookEndpoint.objects.update(
        is_enabled=False, switched_off_at=now, failures=9, failing_since=now, next_at=now, problem="Gone."
    )
    assert "It was switched off" in admin_client.get(page_of(endpoint)).content.decode()
    admin_client.post(page_of(endpoint), form(endpoint.url))
    endpoint.refresh_from_db()
    known = (endpoint.is_enabled, endpoint.switched_off_at, endpoint.failures, endpoint.next_at, endpoint.problem)
    assert known == (True, None, 0, None, "")


def test_what_workers_found_out_meanwhile_is_not_written_over(admin_client: Client, endpoint: WebhookEndpoint):
    secret, now = endpoint.secret, timezone.now()
    WebhookEndpoint.objects.update(failures=2, failing_since=now, problem="Its server answered 500.")
    admin_client.post(page_of(endpoint), form(endpoint.url, name="The CRM"))
    endpoint.refresh_from_db()
    assert (endpoint.name, endpoint.failures, endpoint.failing_since) == ("The CRM", 2, now)
    assert endpoint.secret == secret


def test_a_reviewer_reads_with_masked_addresses_and_changes_nothing(
    endpoint: WebhookEndpoint, world: World, client: Client
):
    row, address = make_event(world), Recipient.objects.earliest("pk").email
    grant_roles()
    reader = User.objects.create_user("rita", is_staff=True)
    reader.groups.add(Group.objects.get(name="Reviewer"))
    client.force_login(reader)
    page = client.get(page_of(row)).content.decode()
    assert address in row.body
    assert "recipient.unsubscribed" in page
    assert address not in page
    assert "Replay" not in page
    assert "Send a test event" not in client.get(page_of(endpoint)).content.decode()
    assert client.post(page_of(row, "replay")).status_code == 403
    assert client.post(page_of(endpoint, "test")).status_code == 403
    assert client.post(page_of(endpoint, "rotate")).status_code == 403


def test_an_endpoint_is_deleted_with_what_was_told_to_it(admin_client: Client, endpoint: WebhookEndpoint, world: World):
    make_event(world)
    page = admin_client.get(page_of(endpoint, "delete")).content.decode()
    assert "CRM, and what was told to it" in page
    admin_client.post(page_of(endpoint, "delete"), {"post": "yes"})
    assert not WebhookEndpoint.objects.exists()
    assert not WebhookDelivery.objects.exists()
