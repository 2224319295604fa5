"""Takes one mail that came to the bounce address, from whichever door, and does what is to be done with it."""

from datetime import datetime
from enum import StrEnum

from django.db import transaction

from mailer.audience.return_paths import delivery_named_in, delivery_of, is_bounce_address
from mailer.feedback.counts import count_return
from mailer.feedback.reports import read_report
from mailer.feedback.returns import record_return
from mailer.models import Return, ReturnCount

#: What is longer is cut: a report says what it has to say at its beginning, and gives the mail back behind that.
SIZE_LIMIT = 10_000_000


class Receipt(StrEnum):
    """What a mail was, for the door that took it."""

    OURS = "ours"  #: a report on a mail of ours, and all that follows is done
    NO_REPORT = "no_report"  #: an ordinary mail, to an address that reads none
    UNSIGNED = "unsigned"  #: nothing in it was signed here


def receive(raw: bytes, recipient: str, source: Return.Source, now: datetime) -> Receipt:
    """Take a mail whose envelope was addressed to `recipient`; empty if that is not known.

    A report to an address without a token, as providers send complaints, is about the delivery whose envelope sender
    stands in what it gives back. Whatever comes is counted. Raises TooEarly, and django.db.Error; then nothing was
    done, and the door has to keep the mail and bring it again.
    """
    raw = raw[:SIZE_LIMIT]
    delivery_id = delivery_of(recipient) or delivery_named_in(raw)
    fates = read_report(raw)
    if delivery_id is None or not fates:
        what = ReturnCount.What.NO_REPORT if not fates else ReturnCount.What.UNSIGNED
        with transaction.atomic():
            count_return(source, what, now)
        return Receipt(what.value)
    record_return(delivery_id, fates, source, now)
    return Receipt.OURS


def takes(recipient: str) -> bool:
    """Whether mail to the address is for us: it has a token that was signed here, or is where complaints go."""
    return delivery_of(recipient) is not None or is_bounce_address(recipient)
