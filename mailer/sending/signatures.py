"""Which DKIM keys sign the mails of a sender: those in DKIM_KEYS, of the domain of its From."""

from collections.abc import Callable
from datetime import datetime
from functools import lru_cache, partial
from importlib import import_module
from typing import TYPE_CHECKING

from django.conf import settings

from mailer.sending.outcomes import RelayUnavailable, SendingHalted

if TYPE_CHECKING:
    from mailer.sending.dkim import SigningKey

Sign = Callable[[bytes, datetime], bytes]


class KeyUnusable(RelayUnavailable):
    """A key can't be read: nothing is sent, by any mailing, until it can, for a mail without its signature is spam."""


class NoKeyForSender(SendingHalted):
    """There are keys, and none is of the sender's domain."""


def signer_of(address: str) -> Sign | None:
    """What signs the mails from this address: it takes and gives a mail as it goes after DATA, and the time.

    The signatures are of the nearest domain that has keys: the address's own, or one above it, which DMARC's relaxed
    alignment (RFC 7489 section 3.1.1) takes for the same. None without any keys: then no mail is touched. Raises
    KeyUnusable, and NoKeyForSender.
    """
    keys = load_keys(tuple(settings.DKIM_KEYS.items()))
    if not keys:
        return None
    domain = address.rpartition("@")[2]
    while domain:
        chosen = tuple(key for key in keys if key.domain == domain)
        if chosen:
            return partial(import_module("mailer.sending.dkim").sign, chosen)
        domain = domain.partition(".")[2]
    raise NoKeyForSender(
        f"DKIM_KEYS names no key of {address.rpartition('@')[2]}, and an unsigned mail does not go out"
    )


@lru_cache(maxsize=4)
def load_keys(files: tuple[tuple[str, str], ...]) -> "tuple[SigningKey, ...]":
    """The keys of these names, such as `s1._domainkey.example.org`, and files. Raises KeyUnusable.

    To import cryptography takes a tenth of a second, which those who sign nothing are spared.
    """
    if not files:
        return ()
    dkim = import_module("mailer.sending.dkim")
    try:
        return tuple(dkim.load_key(name, path) for name, path in files)
    except (OSError, ValueError) as error:
        raise KeyUnusable(f"a key in DKIM_KEYS can't be used: {error}") from error
