"""What can go wrong, by name."""

import json
from collections.abc import Mapping
from http import HTTPStatus


class Unreachable(OSError):
    """The service gave no answer, or broke off; whether it did what was asked is not known."""


class InvalidSignature(ValueError):
    """What came to a webhook is not from the service, or is old."""


class Problem(Exception):
    """The service did not do what was asked, and says why (RFC 9457)."""

    def __init__(self, status: int, title: str, detail: str = "", fields: Mapping[str, str] | None = None) -> None:
        """`fields` says what is wrong with each, named as in the request: `items.3.title`."""
        super().__init__(f"{status} {title}: {detail}" if detail else f"{status} {title}")
        self.status, self.title, self.detail, self.fields = status, title, detail, dict(fields or {})

    @classmethod
    def read(cls, status: int, body: bytes) -> "Problem":
        """From an answer; what is no problem details, such as a proxy's page, has a status and its title alone."""
        try:
            said = json.loads(body)
            fields = {each["field"]: each["detail"] for each in said.get("errors", [])}
            return cls(status, said["title"], said["detail"], fields)
        except (ValueError, KeyError, TypeError, AttributeError):
            return cls(status, _phrase(status))


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
