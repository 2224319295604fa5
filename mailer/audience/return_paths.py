"""The envelope sender of each mail (VERP): what comes back to it says which delivery it is about, and can't be forged.

`bounces+1f4a.6c0e…@bounce.example.org`: the delivery's id and a keyed BLAKE2b of it, in hexadecimal digits, which
survive mail servers that change the case of an address. Nothing of the recipient is in it.
"""

import hmac
import re
from hashlib import blake2b
from itertools import islice

from django.conf import settings

from mailer.audience.links import derived_key

_PURPOSE = "return-path"
_MAC_BYTES = 12
_TOKEN = re.compile(rf"([0-9a-f]{{1,16}})\.([0-9a-f]{{{2 * _MAC_BYTES}}})(?![0-9a-f])", re.ASCII)
#: A quoted-printable line that goes on (RFC 2045 section 6.7).
_SOFT_BREAK = re.compile(rb"=\r?\n")
#: So many tokens of one mail are tried at most.
_MOST_TRIED = 1_000


class ReturnPaths:
    """Makes the envelope senders of many deliveries."""

    def __init__(self) -> None:
        """With today's key, at the service's bounce address."""
        self._local, _, self._domain = settings.BOUNCE_ADDRESS.partition("@")
        self._keyed = blake2b(digest_size=_MAC_BYTES, key=derived_key(settings.SECRET_KEY, _PURPOSE))

    def make(self, delivery_id: int) -> str:
        """Such as `bounces+1f4a.6c0e2d…@bounce.example.org`, at most 64 characters before the @."""
        digits = f"{delivery_id:x}"
        mac = self._keyed.copy()  # the key is worked in already
        mac.update(digits.encode())
        return f"{self._local}+{digits}.{mac.hexdigest()}@{self._domain}"


def delivery_of(address: str) -> int | None:
    """The delivery of which the address is the envelope sender; None if it was not made here.

    Keys in SECRET_KEY_FALLBACKS still count. What stands before and after the token does not: forwarders wrap the
    address (SRS), and the bounce domain may be another one by now.
    """
    for match in islice(_TOKEN.finditer(address.lower()), _MOST_TRIED):
        digits, mac = match.groups()
        if any(hmac.compare_digest(mac, _mac(key, digits)) for key in _keys()):
            return int(digits, 16)
    return None


def delivery_named_in(raw: bytes) -> int | None:
    """The delivery whose envelope sender stands first in the message: in its header, or in what it gives back."""
    return delivery_of(_SOFT_BREAK.sub(b"", raw).decode("latin-1"))


def is_bounce_address(address: str) -> bool:
    """Whether it is the service's bounce address without a token, to which providers may send complaints."""
    return bool(settings.BOUNCE_ADDRESS) and address.lower() == settings.BOUNCE_ADDRESS


def _keys() -> list[str]:
    return [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]


def _mac(key: str, digits: str) -> str:
    return blake2b(digits.encode(), digest_size=_MAC_BYTES, key=derived_key(key, _PURPOSE)).hexdigest()
