"""A key is shown once, to whoever made it, and revoked with one button."""

import pytest
from django.test import Client
from django.utils import timezone

from mailer.models import ApiKey
from tests.api.conftest import make_key

pytestmark = pytest.mark.django_db
FORM = {"name": "Newsroom", "scopes": ["items", "log"], "per_minute": "60", "expires_at_0": "", "expires_at_1": ""}


def test_a_new_keys_token_is_shown_once(admin_client: Client):
    page = admin_client.post("/admin/mailer/apikey/add/", FORM)
    token = page.context["token"]
    assert token in page.content.decode()
    assert "no-store" in page["Cache-Control"]
    key = ApiKey.objects.valid(timezone.now()).of_token(token).get()
    assert (key.scopes, key.per_minute, key.created_by.username) == (["items", "log"], 60, "admin")
    for url in (f"/admin/mailer/apikey/{key.pk}/change/", "/admin/mailer/apikey/"):
        assert token not in admin_client.get(url).content.decode()
    assert token not in str(admin_client.cookies)


def test_a_key_without_a_scope_is_not_made(admin_client: Client):
    page = admin_client.post("/admin/mailer/apikey/add/", FORM | {"scopes": []})
    assert "scopes" in page.context["adminform"].form.errors
    assert not ApiKey.objects.exists()


def test_a_change_leaves_the_token_as_it_is(admin_client: Client):
    token = make_key()
    key = ApiKey.objects.get()
    assert admin_client.post(f"/admin/mailer/apikey/{key.pk}/change/", FORM | {"name": "Desk"}).status_code == 302
    assert ApiKey.objects.of_token(token).get().name == "Desk"


def test_a_key_is_revoked_by_post(admin_client: Client, client: Client):
    token = make_key()
    key = ApiKey.objects.get()
    url = f"/admin/mailer/apikey/{key.pk}/revoke/"
    assert admin_client.get(url).status_code == 405
    assert admin_client.post(url).status_code == 302
    assert not ApiKey.objects.valid(timezone.now()).of_token(token).exists()
