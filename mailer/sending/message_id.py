"""The Message-ID of a delivery: made from its id, so that it is the same on every attempt and needs no column."""

import re

from django.conf import settings

from mailer.audience.links import BadToken, Signer, pack, read_token

_PURPOSE = "message-id"


class MessageIds:
    """Makes the Message-IDs of many deliveries."""

    def __init__(self) -> None:
        """With today's key, in the service's own domain."""
        self._signer = Signer(_PURPOSE)
        self._domain = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].strip("> ")

    def make(self, delivery_id: int) -> str:
        """Such as `<Jx3…@example.com>` (RFC 5322 section 3.6.4)."""
        return f"<{self._signer.make_token(pack(delivery_id))}@{self._domain}>"


def message_id(delivery_id: int) -> str:
    """The Message-ID of one delivery."""
    return MessageIds().make(delivery_id)


def delivery_of(text: str) -> int | None:
    """The delivery that a Message-ID of ours names, or None."""
    match = re.search(r"<?([\w-]+)@", text)
    try:
        return read_token(_PURPOSE, match[1])[0] if match else None
    except (BadToken, IndexError):
        return None
