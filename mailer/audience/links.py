"""Signed links in mails: what they allow is in their token, and nothing of the person is.

The signature is keyed BLAKE2b (RFC 7693 section 2.9), which is a MAC by itself and costs a fifth of an HMAC.
"""

import base64
import binascii
import hmac
from functools import lru_cache
from hashlib import blake2b, sha256

from django.conf import settings

_MAC_BYTES = 15


class BadToken(ValueError):
    """The token was not made by us for this purpose."""


class Signer:
    """Makes many tokens for one purpose."""

    def __init__(self, purpose: str) -> None:
        """With today's key."""
        self._key = _key(settings.SECRET_KEY, purpose)

    def make_token(self, *numbers: int) -> str:
        """A URL-safe token that says these numbers (ids) and can be used for this purpose only."""
        payload = b"".join([_packed(number) for number in numbers])
        mac = blake2b(payload, digest_size=_MAC_BYTES, key=self._key).digest()
        return base64.urlsafe_b64encode(mac + payload).rstrip(b"=").decode()


def make_token(purpose: str, *numbers: int) -> str:
    """One token of a Signer."""
    return Signer(purpose).make_token(*numbers)


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
    return blake2b(payload, digest_size=_MAC_BYTES, key=_key(secret, purpose)).digest()
