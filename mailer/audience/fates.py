"""What can become of a mail after it was handed over, as others report it."""

from dataclasses import dataclass
from enum import StrEnum

#: Characters of another server's words that are kept.
MOST_WORDS = 500


class Outcome(StrEnum):
    """What a report says, by what follows from it."""

    GONE = "gone"  #: the mailbox or its domain does not exist: nothing more goes there
    TEMPORARY = "temporary"  #: full, slow, switched off, given up: counted
    BLOCKED = "blocked"  #: it was refused for what we are or sent: ours to mend
    DELAYED = "delayed"  #: is still being tried
    DELIVERED = "delivered"  #: arrived
    COMPLAINT = "complaint"  #: reported as spam (RFC 5965)
    AUTO_REPLY = "auto_reply"  #: somebody is away, or their program confirms (RFC 3834, RFC 8098)
    UNKNOWN = "unknown"  #: came back, and nothing says why: counted like TEMPORARY


@dataclass(frozen=True)
class Fate:
    """What became of the mail to one recipient."""

    outcome: Outcome
    address: str  #: lower-cased; empty where the report does not say
    status: str  #: an enhanced status such as 5.1.1 (RFC 3463); empty where it does not say
    diagnostic: str  #: the other side's words on one line, at most MOST_WORDS characters


def one_line(text: str) -> str:
    """The text's words on one line, cut, without what can't be printed."""
    return "".join(letter for letter in " ".join(text[: 4 * MOST_WORDS].split()) if letter.isprintable())[:MOST_WORDS]
