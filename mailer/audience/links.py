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
_SIZES = [bytes([size]) for size in range(256)]
_URL_SAFE = bytes.maketrans(b"+/", b"-_")


class BadToken(ValueError):
    """The token was not made by us for this purpose."""


class Signer:
    """Makes many tokens for one purpose, which may all begin with the same numbers."""

    def __init__(self, purpose: str, *first: int) -> None:
        """With today's key."""
        self._first = pack(*first)
        self._keyed = blake2b(digest_size=_MAC_BYTES, key=derived_key(settings.SECRET_KEY, purpose))

    def make_token(self, packed: bytes) -> str:
        """A URL-safe token that says the numbers (ids) that are packed, and can be used for this purpose only."""
        payload = self._first + packed
        mac = self._keyed.copy()  # the key is worked in already
        mac.update(payload)
        encoded = binascii.b2a_base64(mac.digest() + payload, newline=False)
        return encoded.translate(_URL_SAFE, b"=").decode("ascii")


def make_token(purpose: str, *numbers: int) -> str:
    """One token of a Signer."""
    return Signer(purpose).make_token(pack(*numbers))


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


def pack(*numbers: int) -> bytes:
    """The numbers as tokens hold them."""
    packed = b""
    for number in numbers:
        size = (number.bit_length() + 7) // 8
        packed += _SIZES[size] + number.to_bytes(size, "big")
    return packed


def _unpacked(payload: bytes) -> tuple[int, ...]:
    numbers = []
    while payload:
        size = payload[0]
        numbers.append(int.from_bytes(payload[1 : 1 + size], "big"))
        payload = payload[1 + size :]
    return tuple(numbers)


@lru_cache(maxsize=64)
def derived_key(secret: str, purpose: str) -> bytes:
    """The key for one purpose, 32 bytes."""
    return sha256(f"afternoon-post {purpose} {secret}".encode()).digest()


def _mac(secret: str, purpose: str, payload: bytes) -> bytes:
    return blake2b(payload, digest_size=_MAC_BYTES, key=derived_key(secret, purpose)).digest()
