"""Signed links in mails: what they allow is in their token, and nothing of the person is."""

import base64
import binascii
import hmac
from functools import lru_cache
from hashlib import sha256

from django.conf import settings

_MAC_BYTES = 15


class BadToken(ValueError):
    """The token was not made by us for this purpose."""


def make_token(purpose: str, *numbers: int) -> str:
    """A URL-safe token that says these numbers (ids) and can be used for this purpose only."""
    payload = b"".join(_packed(number) for number in numbers)
    mac = _mac(settings.SECRET_KEY, purpose, payload)
    return base64.urlsafe_b64encode(mac + payload).rstrip(b"=").decode()


def read_token(purpose: str, token: str) -> tuple[int, ...]:
    """The numbers in the token; keys in SECRET_KEY_FALLBACKS still count. Raises BadToken."""
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadToken("The link is not complete.") from error
    mac, payload = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    if not any(hmac.compare_digest(mac, _mac(key, purpose, payload)) for key in keys):
        raise BadToken("The link was not made by this service.")
    if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != token:
        raise BadToken("The link was altered.")  # unused bits of the last character
    return _unpacked(payload)


def _packed(number: int) -> bytes:
    size = (number.bit_length() + 7) // 8
    return bytes([size]) + number.to_bytes(size, "big")


def _unpacked(payload: bytes) -> tuple[int, ...]:
    numbers = []
    while payload:
        size = payload[0]
        numbers.append(int.from_bytes(payload[1 : 1 + size], "big"))
        payload = payload[1 + size :]
    return tuple(numbers)


@lru_cache(maxsize=64)
def _key(secret: str, purpose: str) -> bytes:
    return sha256(f"afternoon-post {purpose} {secret}".encode()).digest()


def _mac(secret: str, purpose: str, payload: bytes) -> bytes:
    return hmac.digest(_key(secret, purpose), payload, "sha256")[:_MAC_BYTES]
