"""The Message-ID of a delivery: made from its id, so that it is the same on every attempt and needs no column."""

import re

from django.conf import settings

from mailer.audience.links import BadToken, make_token, read_token

_PURPOSE = "message-id"


def message_id(delivery_id: int) -> str:
    """Such as `<Jx3…@example.com>` (RFC 5322 section 3.6.4); its right side is the service's own domain."""
    return f"<{make_token(_PURPOSE, delivery_id)}@{settings.DEFAULT_FROM_EMAIL.rpartition('@')[2].strip('> ')}>"


def delivery_of(text: str) -> int | None:
    """The delivery that a Message-ID of ours names, or None."""
    match = re.search(r"<?([\w-]+)@", text)
    try:
        return read_token(_PURPOSE, match[1])[0] if match else None
    except (BadToken, IndexError):
        return None
