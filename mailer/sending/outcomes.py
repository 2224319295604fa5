"""What an attempt can end in, and what follows from it: the retry table."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple

from mailer.audience.fates import Outcome as Reported
from mailer.audience.refusals import judge_words
from mailer.models import Delivery

#: How long after each temporary failure the next attempt is made; after the last one the delivery has failed.
RETRY_DELAYS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 30, 60, 120, 240, 480))


class Kind(StrEnum):
    """How an attempt ended."""

    SENT = "sent"
    TEMPORARY = "temporary"  #: 4xx, or the connection was lost before the mail was handed over
    RECIPIENT_REJECTED = "recipient_rejected"  #: 5.1.x: there is no such address
    PERMANENT = "permanent"  #: any other 5xx
    UNCERTAIN = "uncertain"  #: handed over, no answer
    SKIPPED = "skipped"  #: not attempted, for a reason of ours
    HELD = "held"  #: not attempted yet: it waits for a sending limit, the one for mail to the domain in its text


class SendingHalted(Exception):
    """Sending can't go on just now, for a reason that is no recipient's: what is not sent goes back to the queue."""


class RelayUnavailable(SendingHalted):
    """The mail server can't be used at all just now (no connection, login or sender refused): nobody's attempt."""


class Outcome(NamedTuple):
    """How one delivery's attempt ended; `code` and `text` are the mail server's answer, if it gave one."""

    delivery_id: int
    kind: Kind
    code: int | None = None
    text: str = ""
    reason: Delivery.Reason = Delivery.Reason.NONE


@dataclass(frozen=True)
class Verdict:
    """What becomes of a delivery."""

    status: Delivery.Status
    reason: Delivery.Reason
    retry_in: timedelta | None = None
    suppress: bool = False


def judge(outcome: Outcome, attempts: int) -> Verdict:
    """What an outcome makes of a delivery that has now been attempted this many times (1 = this was the first)."""
    status, reason = Delivery.Status, Delivery.Reason
    match outcome.kind:
        case Kind.SENT:
            return Verdict(status.SENT, reason.NONE)
        case Kind.TEMPORARY if attempts <= len(RETRY_DELAYS):
            return Verdict(status.QUEUED, reason.TEMPORARY, retry_in=RETRY_DELAYS[attempts - 1])
        case Kind.TEMPORARY:
            return Verdict(status.FAILED, reason.EXHAUSTED)
        case Kind.RECIPIENT_REJECTED:
            return Verdict(status.FAILED, reason.ADDRESS, suppress=True)
        case Kind.PERMANENT:
            return Verdict(status.FAILED, outcome.reason or reason.REFUSED)
        case Kind.UNCERTAIN:
            return Verdict(status.UNCERTAIN, outcome.reason or reason.NO_ANSWER)
        case Kind.SKIPPED:
            return Verdict(status.SKIPPED, outcome.reason)
        case Kind.HELD:
            return Verdict(status.QUEUED, reason.PACED)


def classify(code: int, text: str, at_recipient: bool) -> Kind:
    """The kind of a refusal: from its SMTP code, its words with their status (RFC 3463), and whether it was RCPT TO's.

    Only a 5.1.x, or a bare 550/551/553 to RCPT TO, says that the address is wrong, and only where no word says that it
    is about us or about the mailbox's state.
    """
    if code < 500:
        return Kind.TEMPORARY
    enhanced = text.split(" ", 1)[0]
    has_status = enhanced.count(".") == 2 and enhanced.replace(".", "").isdigit()
    said = judge_words(enhanced if has_status else "", text) if at_recipient else Reported.UNKNOWN
    of_address = enhanced.startswith("5.1.") if has_status else code in (550, 551, 553)
    wrong = at_recipient and of_address and said in (Reported.GONE, Reported.UNKNOWN)
    return Kind.RECIPIENT_REJECTED if wrong else Kind.PERMANENT
