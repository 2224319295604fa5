"""Signs events as the Standard Webhooks specification says, so that who gets them knows from whom they are."""

import hmac
from base64 import b64decode, b64encode
from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256

from mailer.models.webhooks import MARK


def signed_headers(event_id: str, body: bytes, secrets: Iterable[str], now: datetime) -> dict[str, str]:
    """`webhook-id`, `webhook-timestamp` (seconds since 1970) and `webhook-signature`, one signature a secret."""
    timestamp = str(int(now.timestamp()))
    signatures = " ".join(sign(secret, event_id, timestamp, body) for secret in secrets)
    return {"webhook-id": event_id, "webhook-timestamp": timestamp, "webhook-signature": signatures}


def sign(secret: str, event_id: str, timestamp: str, body: bytes) -> str:
    """HMAC-SHA256 (RFC 2104) of `id.timestamp.body` in Base64, after the version of this way: `v1,…`."""
    key = b64decode(secret.removeprefix(MARK))
    signed = b".".join((event_id.encode(), timestamp.encode(), body))
    return f"v1,{b64encode(hmac.new(key, signed, sha256).digest()).decode()}"
