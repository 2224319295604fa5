"""Nobody comes in without a key, and a key does only what it may, as often as it may, while it holds."""

from datetime import timedelta
from io import StringIO

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from mailer.models import ApiKey, ApiUse
from mailer.models.api_keys import forget_uses
from tests.api.conftest import Call, make_key

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("token", ["", "ap_00000000_wrong", "x" * 5000, "ap_ü"])
def test_a_wrong_key_opens_nothing(call: Call, token: str):
    answer = call("GET", "lists", key=token)
    assert (answer.status_code, answer["Content-Type"]) == (401, "application/problem+json")
    assert answer["WWW-Authenticate"] == "Bearer"


def test_no_key_opens_nothing(client: Client, db: None):
    assert client.get("/api/v1/lists").status_code == 401


def test_a_key_that_expired_or_was_revoked_opens_nothing(call: Call):
    now = timezone.now()
    assert call("GET", "lists", key=make_key(expires_at=now + timedelta(days=1))).status_code == 200
    assert call("GET", "lists", key=make_key(expires_at=now)).status_code == 401
    assert call("GET", "lists", key=make_key(revoked_at=now)).status_code == 401


def test_a_key_without_the_scope_is_told_which_it_lacks(call: Call):
    answer = call("GET", "suppressions", key=make_key("items", "log"))
    assert answer.status_code == 403
    assert answer.json()["detail"] == "This key lacks the scope suppressions."


def test_too_many_requests_are_told_when_to_come_again(call: Call):
    token = make_key(per_minute=2)
    with time_machine.travel("2026-11-23T15:00:20Z", tick=False):
        assert [call("GET", "lists", key=token).status_code for _ in range(3)] == [200, 200, 429]
        assert call("GET", "lists", key=token)["Retry-After"] == "40"
    with time_machine.travel("2026-11-23T15:01:00Z", tick=False):
        assert call("GET", "lists", key=token).status_code == 200


def test_only_the_tokens_hash_is_stored():
    token = make_key()
    key = ApiKey.objects.get()
    assert token.startswith(f"{key.prefix}_")
    assert token not in str(ApiKey.objects.values())
    assert token.removeprefix(key.prefix).lstrip("_") not in str(ApiKey.objects.values())


def test_old_minutes_are_forgotten_and_the_last_use_is_not(call: Call):
    token = make_key()
    for hour in (13, 14, 15):
        with time_machine.travel(f"2026-11-23T{hour}:00:20Z", tick=False):
            call("GET", "lists", key=token)
    forget_uses(timezone.now())
    assert [use.minute.hour for use in ApiUse.objects.all()] == [15]


def test_the_command_prints_the_token_once():
    out = StringIO()
    call_command("create_api_key", "Newsroom", "--scope", "items", "--scope", "log", "--days", "30", stdout=out)
    key = ApiKey.objects.valid(timezone.now()).of_token(out.getvalue().strip()).get()
    assert (key.name, key.scopes) == ("Newsroom", ["items", "log"])
    with pytest.raises(CommandError, match="greater than or equal to 1"):
        call_command("create_api_key", "Newsroom", "--scope", "items", "--per-minute", "0")
