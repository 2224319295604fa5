"""Getting onto a list: only by one's own click, and without a stranger's mailbox being filled."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from mailer import tasks
from mailer.audience import sign_ups
from mailer.audience.consent import Word, save_change
from mailer.audience.erasure import erase
from mailer.audience.history import history_of
from mailer.audience.sign_ups import (
    MOST_A_NETWORK,
    MOST_AN_ADDRESS,
    forget_forms,
    make_confirmation,
    network_of,
    purge_pending,
)
from mailer.models import ConsentEvent, Delivery, Mailing, Recipient, RecipientList, SignUp, Subscription, Suppression
from tests.build import subscribe

pytestmark = pytest.mark.django_db(transaction=True)
ADA = "ada@example.org"


@pytest.fixture(autouse=True)
def news(confirm_template) -> RecipientList:
    return RecipientList.objects.create(slug="news", name="News", is_public=True)


def ask(client: Client, address: str = ADA, at: str = "/s/news", network: str = "203.0.113.7", **more: str) -> str:
    response = client.post(at, {"email": address, **more}, REMOTE_ADDR=network)
    assert response.status_code == 200
    assert not response.cookies
    return response.content.decode()


def mails() -> list[dict[str, object]]:
    return [mailing.context for mailing in Mailing.objects.order_by("pk")]


def confirm_link() -> str:
    said = str(mails()[-1]["confirm_url"])
    return said[said.index("/c/") :]


def test_nothing_comes_until_the_link_in_the_mail_was_opened_and_its_button_pressed(client: Client):
    assert "Look into your mailbox" in ask(client)
    row = Subscription.objects.get()
    assert (row.status, row.source) == ("pending", "the sign-up page")
    assert "Get News by mail?" in client.get(confirm_link()).content.decode()
    client.head(confirm_link())
    row.refresh_from_db()
    assert row.status == "pending"
    assert "You are on the list" in client.post(confirm_link()).content.decode()
    row.refresh_from_db()
    assert row.status == "active"
    assert row.confirmed_at is not None
    assert [(event.what, event.source) for event in ConsentEvent.objects.all()] == [
        ("confirmed", "the link in the confirmation mail")
    ]
    client.post(confirm_link())
    assert ConsentEvent.objects.count() == 1


def test_a_list_that_asks_nobody_to_confirm_has_them_at_once(client: Client, news: RecipientList):
    RecipientList.objects.update(double_opt_in=False)
    ask(client)
    assert Subscription.objects.get().status == "active"
    assert mails()[0]["is_member"] is True


def test_the_answer_is_the_same_whoever_it_is(client: Client, news: RecipientList):
    subscribe(news, "known@example.org")
    left = subscribe(news, "left@example.org")
    Subscription.objects.filter(recipient=left).update(status="unsubscribed")
    Suppression.objects.create(email="bounced@example.org")
    gone = Recipient.objects.create(email="gone@example.org")
    erase(gone, "", None, timezone.now())
    answers = {ask(client, f"{name}@example.org") for name in ("new", "known", "left", "bounced", "gone")}
    assert len(answers) == 1
    assert not Recipient.objects.filter(email="gone@example.org").exists()
    assert Subscription.objects.get(recipient=left).status == "unsubscribed"


def test_who_left_comes_back_by_the_link_alone(client: Client, news: RecipientList):
    left = subscribe(news, ADA)
    Subscription.objects.filter(recipient=left).update(status="unsubscribed", unsubscribed_at=timezone.now())
    RecipientList.objects.update(double_opt_in=False)
    ask(client)
    assert Subscription.objects.get().status == "unsubscribed"
    client.post(confirm_link())
    assert Subscription.objects.get().status == "active"
    assert Subscription.objects.get().unsubscribed_at is None


def test_a_hundred_forms_with_one_address_bring_one_mail(client: Client):
    for number in range(100):
        ask(client, ADA if number % 2 else " ADA@Example.org", network=f"198.51.{number}.7")
    assert len(mails()) == Delivery.objects.count() == 1


def test_one_address_gets_few_mails_a_day_over_all_lists(client: Client):
    for number in range(MOST_AN_ADDRESS + 3):
        RecipientList.objects.create(slug=f"list{number}", name=f"List {number}", is_public=True)
        ask(client, at=f"/s/list{number}", network=f"198.51.{number}.7")
    assert len(mails()) == MOST_AN_ADDRESS


def test_one_network_is_stopped_after_some_forms_and_others_are_not(client: Client):
    for number in range(MOST_A_NETWORK):
        ask(client, f"person{number}@example.org", network=f"203.0.113.{number}")
    refused = client.post("/s/news", {"email": ADA}, REMOTE_ADDR="203.0.113.200")
    assert refused.status_code == 429
    assert "in an hour" in refused.content.decode()
    assert len(mails()) == MOST_A_NETWORK
    ask(client, network="192.0.2.1")
    SignUp.objects.update(at=timezone.now() - timedelta(minutes=61))
    ask(client, "later@example.org")


def test_marks_are_counted_for_a_day_and_say_nothing(client: Client):
    ask(client)
    assert ADA not in str(list(SignUp.objects.values_list()))
    assert "203.0.113" not in str(list(SignUp.objects.values_list()))
    assert forget_forms(timezone.now()) == 0
    assert forget_forms(timezone.now() + timedelta(days=1, minutes=1)) == 1


@pytest.mark.parametrize(
    ("client_address", "network"),
    [("203.0.113.7", "203.0.113.0/24"), ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"), ("", ""), ("unix:", "unix:")],
)
def test_a_network_is_what_one_connection_has_for_itself(client_address: str, network: str):
    assert network_of(client_address) == network


def test_nothing_that_a_stranger_wrote_is_in_the_mail(client: Client):
    ask(client, name="BUY PILLS http://evil.example", message="BUY PILLS")
    assert "PILLS" not in str(mails())
    assert Recipient.objects.get().name == ""


@pytest.mark.parametrize("typed", ["", "no-at", "a@x.example, b@x.example", "a@x.example\r\nBcc: b@x.example"])
def test_what_is_no_address_is_said_to_be_none(client: Client, typed: str):
    page = client.post("/s/news", {"email": typed}).content.decode()
    assert 'role="alert"' in page
    assert not Recipient.objects.exists()


def test_a_list_that_is_not_public_looks_like_one_that_is_not_there(client: Client):
    RecipientList.objects.update(is_public=False)
    for address in ("/s/news", "/s/news/form", "/s/nowhere"):
        assert client.get(address).status_code == 404
        assert client.post(address, {"email": ADA}).status_code == 404
    assert not Subscription.objects.exists()


def test_the_form_for_other_sites_may_be_framed_and_the_page_may_not(client: Client):
    framed, page = client.get("/s/news/form"), client.get("/s/news")
    assert "X-Frame-Options" not in framed
    assert "frame-ancestors *" in framed["Content-Security-Policy"]
    assert page["X-Frame-Options"] == "DENY"
    assert "Look into your mailbox" in ask(Client(enforce_csrf_checks=True), at="/s/news/form")
    assert Subscription.objects.get().source == "the sign-up form on a site"


def test_a_link_that_is_old_or_forged_puts_nobody_on_a_list(client: Client, news: RecipientList):
    ask(client)
    person = Recipient.objects.get()
    old = make_confirmation(news.pk, person.pk, timezone.now() - timedelta(days=9))
    token = confirm_link().removeprefix("/c/")
    forged = [token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :] for place in range(len(token))]
    for each in (old, *forged):
        assert client.post(f"/c/{each}").status_code == 404
    assert Subscription.objects.get().status == "pending"


def age(days: int) -> None:
    Subscription.objects.update(subscribed_at=timezone.now() - timedelta(days=days))


def test_a_sign_up_that_nobody_confirmed_is_deleted_and_its_history_says_so(
    client: Client, news: RecipientList, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sign_ups, "STEP", 2)
    for number in range(5):
        Subscription.objects.create(
            list=news, recipient=Recipient.objects.create(email=f"p{number}@example.org"), status="pending"
        )
    subscribe(news, "active@example.org")
    age(29)
    assert purge_pending(30, timezone.now()) == 0
    age(31)
    assert purge_pending(30, timezone.now()) == 5
    assert [row.status for row in Subscription.objects.all()] == ["active"]
    person = Recipient.objects.get(email="p0@example.org")
    assert [(moment.what, moment.source) for moment in history_of(person)] == [
        ("asked", ""),
        ("removed", "the night, after 30 days without a confirmation"),
    ]
    assert purge_pending(30, timezone.now()) == 0


def test_the_days_count_from_the_last_form_and_no_link_that_holds_is_made_void(client: Client):
    ask(client)
    age(31)
    ask(client)
    assert purge_pending(30, timezone.now()) == 0
    assert purge_pending(0, timezone.now() + timedelta(days=6)) == 0
    assert purge_pending(30, timezone.now() + timedelta(days=31)) == 1


def test_whom_staff_set_back_is_left_to_staff(news: RecipientList):
    person = subscribe(news, ADA)
    before, row = Subscription.objects.get(), Subscription.objects.get()
    row.status = "pending"
    save_change(before, row, Word("by hand", timezone.now() - timedelta(days=90)))
    age(100)
    assert purge_pending(30, timezone.now()) == 0
    assert Subscription.objects.get().recipient == person


def test_the_night_deletes_as_the_setting_says(client: Client, settings: Settings):
    ask(client)
    age(20)
    assert tasks.purge()["sign_ups"] == 0
    settings.PENDING_DAYS = 10
    assert tasks.purge()["sign_ups"] == 1
