"""Who comes in: a key with the scope that an address asks for, no more often than it may."""

from http import HTTPStatus
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from ninja.security import HttpBearer

from mailer.api.problems import Problem
from mailer.models import ApiKey, Scope

#: No token of ours is longer; what is, need not be hashed.
_LONGEST = 200


class Needs(HttpBearer):
    """A key with this scope, in the header `Authorization: Bearer ap_…` (RFC 6750)."""

    def __init__(self, scope: Scope) -> None:
        """The scope that the address asks for."""
        super().__init__()
        self._scope = scope

    def authenticate(self, request: HttpRequest, token: str) -> Any:
        """The key. Raises Problem for one that lacks the scope, or comes too often."""
        now = timezone.now()
        key = ApiKey.objects.valid(now).of_token(token[:_LONGEST]).first()
        if key is None:
            return None
        if key.count_request(now) > key.per_minute:
            wait = str(60 - now.second)
            words = f"This key may make {key.per_minute} requests a minute; come again in {wait} s."
            raise Problem(HTTPStatus.TOO_MANY_REQUESTS, words, headers={"Retry-After": wait})
        if self._scope not in key.scopes:
            raise Problem(HTTPStatus.FORBIDDEN, f"This key lacks the scope {self._scope.value}.")
        return key


def key_of(request: HttpRequest) -> ApiKey:
    """The key that the request came in with."""
    found = getattr(request, "auth", None)
    if not isinstance(found, ApiKey):
        raise TypeError("the address asks for no key")
    return found
