"""A program with a key."""

from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from mailer.models import ApiKey, Scope

Call = Callable[..., HttpResponse]


def make_key(*scopes: str, **values: Any) -> str:
    key = ApiKey(name="Newsroom", scopes=list(scopes or Scope.values), **values)
    token = key.set_token()
    key.save()
    return token


@pytest.fixture
def call(db: None, client: Client) -> Call:
    """Call an address of the API with a key that may do everything, or with another token."""
    token = make_key()

    def send(method: str, path: str, data: Any = None, key: str = token, **headers: str) -> HttpResponse:
        named = {"Authorization": f"Bearer {key}", **{name.replace("_", "-"): text for name, text in headers.items()}}
        body = {} if data is None else {"data": data, "content_type": "application/json"}
        return client.generic_call(method, f"/api/v1/{path}", headers=named, **body)  # type: ignore[attr-defined]

    client.generic_call = (  # type: ignore[attr-defined]
        lambda method, path, headers, **body: getattr(client, method.lower())(path, headers=headers, **body)
    )
    return send
