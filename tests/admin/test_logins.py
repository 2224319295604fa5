"""Five wrong passwords for a name from an address, and nobody logs in with it from there for a quarter of an hour."""

from datetime import timedelta

import pytest
import time_machine
from axes.models import AccessAttempt, AccessLog
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

LOGIN = "/admin/login/"
LOCKED = "Too many failed logins"


@pytest.fixture(autouse=True)
def ada(db: None) -> User:
    return User.objects.create_user("ada", password="right", is_staff=True)


def log_in(typed: str = "right", name: str = "ada", **headers: str) -> HttpResponse:
    return Client().post(LOGIN, {"username": name, "password": typed}, **headers)


def fail(times: int, name: str = "ada", **headers: str) -> HttpResponse:
    for _ in range(times):
        response = log_in("wrong", name, **headers)
    return response


def test_after_five_failures_even_the_right_password_has_to_wait():
    assert fail(4).status_code == 200
    response = fail(1)
    assert response.status_code == 429
    assert LOCKED in response.content.decode()
    assert LOCKED in log_in().content.decode()


def test_the_page_says_until_when_and_then_it_is_over():
    began = timezone.now()
    with time_machine.travel(began, tick=False):
        page = fail(5).content.decode()
    assert f"{began + timedelta(minutes=15):%H:%M} UTC" in page
    with time_machine.travel(began + timedelta(minutes=14), tick=False):
        assert log_in().status_code == 429
    with time_machine.travel(began + timedelta(minutes=15, seconds=1), tick=False):
        assert log_in().status_code == 302


def test_a_name_that_does_not_exist_is_told_the_same():
    known, unknown = fail(5), fail(5, "nobody")
    assert unknown.status_code == known.status_code == 429
    told = [response.content.decode().partition(LOCKED)[2].partition("</")[0] for response in (known, unknown)]
    assert told[0] == told[1]


def test_others_and_other_addresses_are_not_locked_out():
    User.objects.create_user("bea", password="right", is_staff=True)
    fail(5)
    assert log_in(name="bea").status_code == 302
    assert log_in(REMOTE_ADDR="192.0.2.7").status_code == 302


def test_a_login_that_succeeds_wipes_the_slate():
    fail(4)
    assert log_in().status_code == 302
    assert fail(4).status_code == 200


def test_another_browser_is_no_way_around():
    for number in range(5):
        response = log_in("wrong", HTTP_USER_AGENT=f"browser {number}")
    assert response.status_code == 429


def test_without_a_proxy_nobody_can_claim_another_address():
    for number in range(5):
        response = log_in("wrong", HTTP_X_FORWARDED_FOR=f"192.0.2.{number}")
    assert response.status_code == 429
    assert set(AccessAttempt.objects.values_list("ip_address", flat=True)) == {"127.0.0.1"}


def test_behind_a_proxy_what_the_proxy_saw_counts_and_what_the_client_wrote_does_not(settings: Settings):
    settings.BEHIND_PROXY = True
    for number in range(5):
        response = log_in("wrong", HTTP_X_FORWARDED_FOR=f"203.0.113.{number}, 192.0.2.7")
    assert response.status_code == 429
    assert log_in(HTTP_X_FORWARDED_FOR="192.0.2.8").status_code == 302


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ("", "127.0.0.1"),
        ("unknown", "127.0.0.1"),
        ("192.0.2.9, no address", "127.0.0.1"),
        ("192.0.2.9,192.0.2.7", "192.0.2.7"),
        ("192.0.2.7:4711", "192.0.2.7"),
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:db8::1]:80", "2001:db8::1"),
    ],
)
def test_what_a_proxy_may_write_is_understood(forwarded: str, address: str, settings: Settings):
    settings.BEHIND_PROXY = True
    assert fail(5, HTTP_X_FORWARDED_FOR=forwarded).status_code == 429
    assert AccessAttempt.objects.get().ip_address == address


def test_logins_are_listed_and_hold_no_password(admin_client: Client):
    log_in()
    fail(1)
    assert "ada" in admin_client.get("/admin/axes/accesslog/").content.decode()
    assert "ada" in admin_client.get("/admin/axes/accessattempt/").content.decode()
    row = AccessAttempt.objects.get()
    assert "wrong" not in f"{row.post_data}{row.get_data}"
    assert AccessLog.objects.filter(username="ada").exists()


def test_a_tests_forced_login_is_left_alone(ada: User):
    client = Client()
    client.force_login(ada)
    assert client.get("/admin/").status_code == 200


def test_a_new_password_ends_every_other_session(ada: User):
    client = Client()
    client.force_login(ada)
    assert client.get("/admin/").status_code == 200
    ada.set_password("another one")
    ada.save()
    assert client.get("/admin/").status_code == 302
