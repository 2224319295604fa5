"""One click and out, however a mail program or a scanner calls."""

import pytest
from django.test import Client

from mailer.audience.links import make_token
from mailer.models import ConsentEvent, Recipient, RecipientList, Subscription
from tests.build import make_list, subscribe

pytestmark = pytest.mark.django_db
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture
def people() -> RecipientList:
    return make_list("news", people=2)


def link(mailing_list: RecipientList) -> str:
    return f"/u/{make_token('unsubscribe', mailing_list.pk, Recipient.objects.get(email='person1@example.org').pk)}"


def states() -> list[str]:
    return list(Subscription.objects.order_by("recipient__email").values_list("status", flat=True))


def test_a_get_only_asks_for_scanners_open_every_link(client: Client, people: RecipientList):
    for _ in range(3):
        assert "Unsubscribe from News?" in client.get(link(people)).content.decode()
        assert client.head(link(people)).status_code == 200
    assert states() == ["active", "active"]


@pytest.mark.parametrize(
    "encoding", ["multipart/form-data; boundary=BoUnDaRyStRiNg", "application/x-www-form-urlencoded"]
)
def test_a_mail_programs_post_unsubscribes_this_person_without_cookie_or_redirect(people: RecipientList, encoding: str):
    client = Client(enforce_csrf_checks=True)
    if encoding.startswith("multipart"):
        response = client.post(link(people), ONE_CLICK)
    else:
        response = client.post(link(people), "List-Unsubscribe=One-Click", content_type=encoding)
    assert response.status_code == 200
    assert not response.cookies
    assert states() == ["active", "unsubscribed"]
    assert [(event.what, event.source) for event in ConsentEvent.objects.all()] == [
        ("unsubscribed", "one-click in a mail program")
    ]


def test_it_can_be_undone_and_done_again(client: Client, people: RecipientList):
    client.post(link(people))
    assert "subscribed again" in client.post(link(people), {"action": "undo"}).content.decode()
    assert states() == ["active", "active"]
    client.post(link(people))
    client.post(link(people))
    assert states() == ["active", "unsubscribed"]


def test_a_forged_or_old_link_changes_nothing_and_looks_the_same(client: Client, people: RecipientList):
    token = link(people).removeprefix("/u/")
    real = client.post(link(people)).content
    Subscription.objects.update(status="active")
    for position in range(len(token)):
        forged = token[:position] + ("A" if token[position] != "A" else "B") + token[position + 1 :]
        assert client.post(f"/u/{forged}", ONE_CLICK).status_code == 200
    other_purpose = make_token("message-id", people.pk, 1)
    client.post(f"/u/{other_purpose}")
    assert states() == ["active", "active"]
    Recipient.objects.all().delete()
    assert client.post(link_of_nobody(people, token)).content == real


def link_of_nobody(people: RecipientList, token: str) -> str:
    return f"/u/{token}"


def test_links_survive_a_new_key_while_the_old_one_is_a_fallback(client: Client, people: RecipientList, settings):
    old = link(people)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another key altogether, which is new"
    client.post(old)
    assert states() == ["active", "unsubscribed"]


def test_the_link_holds_no_address(people: RecipientList):
    assert "@" not in link(people)
    assert "person" not in link(people)
    assert len(link(people)) < 40


@pytest.mark.parametrize(
    ("action", "status", "cadence", "events"),
    [
        ("weekly", "active", "weekly", ["unsubscribed", "resubscribed", "cadence"]),
        ("pause", "active", "daily", ["unsubscribed", "resubscribed", "paused"]),
        ("all", "unsubscribed", "daily", ["unsubscribed"]),
    ],
)
def test_less_is_offered_after_leaving(
    client: Client, people: RecipientList, action: str, status: str, cadence: str, events: list[str]
):
    assert f'value="{action}"' in client.post(link(people)).content.decode()
    assert client.post(link(people), {"action": action}).status_code == 200
    row = Subscription.objects.get(recipient__email="person1@example.org")
    assert (row.status, row.cadence) == (status, cadence)
    assert (row.paused_until is not None) == (action == "pause")
    assert list(ConsentEvent.objects.values_list("what", flat=True)) == events


def test_all_lists_means_all(client: Client, people: RecipientList):
    subscribe(make_list("town"), "person1@example.org")
    client.post(link(people), {"action": "all"})
    assert set(
        Subscription.objects.filter(recipient__email="person1@example.org").values_list("status", flat=True)
    ) == {"unsubscribed"}
    assert Subscription.objects.filter(status="active").count() == 1


@pytest.mark.parametrize("action", ["undo", "weekly", "pause", "all"])
def test_what_is_offered_changes_nothing_for_a_forged_link(client: Client, people: RecipientList, action: str):
    assert client.post("/u/AAAA", {"action": action}).status_code == 200
    assert states() == ["active", "active"]
    assert not ConsentEvent.objects.exists()
