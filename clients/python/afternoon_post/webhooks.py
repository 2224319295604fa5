"""Checks the events that the service sends to a webhook."""

import base64
import binascii
import hashlib
import hmac
import json
import time
from collections.abc import Mapping

from afternoon_post.errors import InvalidSignature
from afternoon_post.values import Event, read


def verify_webhook(headers: Mapping[str, str], body: bytes, secret: str, tolerance: float = 300.0) -> Event:
    """The event, if it was signed with this secret (`whsec_…`) at most `tolerance` seconds ago.

    `headers` are the request's, in any case; `body` its bytes as they came. The way of signing is that of Standard
    Webhooks. Raises InvalidSignature.
    """
    named = {name.lower(): value for name, value in headers.items()}
    try:
        event_id, timestamp, signatures = (named[f"webhook-{name}"] for name in ("id", "timestamp", "signature"))
        age = abs(time.time() - int(timestamp))
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (KeyError, ValueError, binascii.Error) as error:
        raise InvalidSignature(f"A header is missing, or the secret is none: {error}") from error
    if age > tolerance:
        raise InvalidSignature(f"It is {age:.0f} s old.")
    signed = f"{event_id}.{timestamp}.".encode() + body
    wanted = b"v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest())
    if not any(hmac.compare_digest(wanted, given.encode()) for given in signatures.split()):
        raise InvalidSignature("No signature of it is right.")
    return read(Event, json.loads(body))
