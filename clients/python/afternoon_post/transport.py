"""Asks the service over HTTP, again where that may be and helps."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlencode, urlsplit

from afternoon_post.errors import Problem, Unreachable

_LATER = {429, 503}
_NO_CONTENT = 204


@dataclass(frozen=True)
class Call:
    """One request; `is_safe` says that doing it twice is doing it once."""

    method: str
    path: str
    query: Mapping[str, Any] = field(default_factory=dict)
    data: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    is_safe: bool = True


@dataclass(frozen=True)
class Transport:
    """Where the service is, and how patient we are; times in seconds."""

    url: str
    token: str = field(repr=False)
    timeout: float = 30.0
    retries: int = 3
    longest_wait: float = 60.0
    sleep: Callable[[float], None] = time.sleep

    def ask(self, call: Call) -> Any:
        """The answer's JSON; None where there is none. Raises Problem and Unreachable.

        A redirect is a Problem: the token goes nowhere else.
        """
        for attempt in range(self.retries + 1):
            is_last = attempt == self.retries
            wait = float(2**attempt)
            try:
                status, headers, body = self._send(call)
            except (OSError, HTTPException) as error:
                if is_last or not call.is_safe:
                    raise Unreachable(f"{self.url} can't be asked: {error or type(error).__name__}") from error
            else:
                if status < 300:
                    return None if status == _NO_CONTENT else _read(status, body)
                wait = max(_asked_for(headers.get("retry-after", "")), wait)
                if status not in _LATER or is_last or wait > self.longest_wait:
                    raise Problem.read(status, body)
            self.sleep(wait)
        raise AssertionError("the last attempt returns or raises")

    def _send(self, call: Call) -> tuple[int, Mapping[str, str], bytes]:
        place = urlsplit(self.url)
        kind = HTTPSConnection if place.scheme == "https" else HTTPConnection
        connection = kind(place.hostname or "", place.port, timeout=self.timeout)
        query = {name: value for name, value in call.query.items() if value is not None}
        target = f"{place.path.rstrip('/')}/api/v1/{call.path}" + (f"?{urlencode(query)}" if query else "")
        body = None if call.data is None else json.dumps(call.data).encode()
        try:
            connection.request(call.method, target, body, {**self._headers(body), **call.headers})
            response = connection.getresponse()
            headers = {name.lower(): value for name, value in response.getheaders()}
            return response.status, headers, response.read()
        finally:
            connection.close()

    def _headers(self, body: bytes | None) -> dict[str, str]:
        content = {} if body is None else {"Content-Type": "application/json"}
        known = {"Authorization": f"Bearer {self.token}", "Accept": "application/json", "Connection": "close"}
        return {**known, **content, "User-Agent": "afternoon-post-python"}


def _read(status: int, body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError as error:
        raise Problem(status, "No JSON", "Something else than the service answered.") from error


def _asked_for(text: str) -> float:
    """Retry-After (RFC 9110 section 10.2.3), seconds or a date, in seconds from now; 0 where it says neither."""
    if text.isdigit():
        return float(text)
    try:
        return max(parsedate_to_datetime(text).timestamp() - time.time(), 0.0)
    except (ValueError, TypeError):
        return 0.0
