"""What a message that came back says: of which recipient, what became of the mail, and why."""

import logging
from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message

from mailer.audience.fates import Fate, Outcome, one_line
from mailer.audience.refusals import judge_report
from mailer.feedback.arrivals import Arrival, read_arrival
from mailer.feedback.auto_replies import is_auto_reply
from mailer.feedback.complaints import complained_of, is_complaint, is_other_feedback
from mailer.feedback.delivery_status import Record, records_in
from mailer.feedback.notices import is_failure_notice, recipients_in

logger = logging.getLogger(__name__)

#: Bytes that are read of a message; what a report has to say stands at its beginning.
MOST_READ = 300_000
#: Recipients that are told of one report.
MOST_FATES = 50
#: More boundaries than this are nobody's report, and would take the parser deeper than Python goes.
_MOST_PARTS = 100


def read_report(raw: bytes) -> tuple[Fate, ...]:
    """What the message reports, by recipient; nothing for the ordinary mail of a person.

    Delivery status notifications (RFC 3464) as well as other systems' notices, complaints (RFC 5965) and automatic
    replies (RFC 3834). Never raises, whatever the bytes.
    """
    arrival = read_arrival(_parse(raw))
    return tuple(_fates(arrival))[:MOST_FATES]


def _parse(raw: bytes) -> Message:
    """The message's beginning, whatever ends its lines."""
    data = raw[:MOST_READ].replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\0", b"")
    if data.lower().count(b"boundary") > _MOST_PARTS:
        head, _, body = data.partition(b"\n\n")
        data = head.replace(b"boundary", b"x-boundary") + b"\n\n" + body
    try:
        return message_from_bytes(data)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        logger.info("A message that came in can't be taken apart (%s)", type(error).__name__)
        plain = Message()
        plain.set_payload(data.decode("latin-1"))
        return plain


def _fates(arrival: Arrival) -> Iterator[Fate]:
    if is_complaint(arrival):
        yield Fate(Outcome.COMPLAINT, complained_of(arrival), "", one_line(arrival.subject))
        return
    if is_other_feedback(arrival):
        return
    records = records_in(arrival.status)
    if records:
        # Mostly each record names its own; to look through the whole mail for others takes a hundred times longer.
        known = [] if all(record.address for record in records) else recipients_in(arrival)
        for record in records:
            yield _of_record(record, arrival, known)
    elif is_failure_notice(arrival):
        yield from _of_notice(arrival)
    elif is_auto_reply(arrival):
        yield Fate(Outcome.AUTO_REPLY, "", "", one_line(arrival.subject))


def _of_record(record: Record, arrival: Arrival, known: list[str]) -> Fate:
    address = record.address or (known[0] if known else "")
    outcome = judge_report(record.action, record.status, record.diagnostic, arrival.notice)
    words = record.diagnostic or arrival.notice
    return Fate(outcome, address, record.status, one_line(words))


def _of_notice(arrival: Arrival) -> Iterator[Fate]:
    outcome = judge_report("", "", "", f"{arrival.subject}\n\n{arrival.notice}")
    for address in recipients_in(arrival) or [""]:
        yield Fate(outcome, address, "", one_line(arrival.notice))
