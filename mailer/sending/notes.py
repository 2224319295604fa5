"""An outcome as it is noted, once for both the journal and the database: a JSON list that each of them reads."""

import json
from datetime import UTC, datetime
from functools import lru_cache
from json.encoder import encode_basestring_ascii
from typing import NamedTuple

from mailer.models import Claim, Delivery
from mailer.sending.outcomes import Kind, Outcome


class Settled(NamedTuple):
    """An outcome, when it came (UTC), the claim under which the delivery was in hand, and the note of it."""

    outcome: Outcome
    at: datetime
    claim: Claim
    note: str  #: `[id, code, text, time, kind, reason]`; the time in UTC, without its zone, as SQLite stores it


def settle(outcome: Outcome, at: datetime, claim: Claim) -> Settled:
    """The outcome with its note."""
    # Spelled out, for every mail has one: `json.dumps` and `str` of a time take twice as long.
    delivery_id, kind, code, text, reason = outcome
    moment = f"{_second(int(at.timestamp()))}.{at.microsecond:06d}"
    words = encode_basestring_ascii(text)
    note = f'[{delivery_id}, {code or "null"}, {words}, "{moment}", "{kind}", "{reason}"]'
    return Settled(outcome, at, claim, note)


def read_note(note: str) -> tuple[Outcome, datetime]:
    """The outcome, and when it came (UTC). Raises ValueError or TypeError for what is no note."""
    delivery_id, code, text, moment, kind, reason = json.loads(note)
    outcome = Outcome(int(delivery_id), Kind(kind), code, str(text), Delivery.Reason(reason))
    return outcome, datetime.fromisoformat(moment).replace(tzinfo=UTC)


@lru_cache(maxsize=8)
def _second(timestamp: int) -> str:
    return f"{datetime.fromtimestamp(timestamp, UTC):%Y-%m-%d %H:%M:%S}"
