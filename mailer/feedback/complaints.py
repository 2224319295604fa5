"""Feedback reports: what somebody marked as spam (RFC 5965), and mails that providers without that format forward."""

import re

from mailer.feedback.arrivals import Arrival, headers_in
from mailer.feedback.delivery_status import address_in

#: Of the registered types these are a person's word against the mail.
_AGAINST_US = frozenset({"abuse", "fraud", "opt-out", "opt-out-list", "complaint", "other", "virus"})
_HOTMAIL = "x-hmxmroriginalrecipient"
_TYPE = re.compile(r"[\w-]+")


def is_complaint(arrival: Arrival) -> bool:
    """Whether somebody complained."""
    return _feedback_type(arrival) in _AGAINST_US or _HOTMAIL in arrival.original or bool(arrival.header(_HOTMAIL))


def is_other_feedback(arrival: Arrival) -> bool:
    """Whether it is feedback of another kind: that it was no spam, or that a signature failed (RFC 6591)."""
    return bool(_feedback_type(arrival))


def complained_of(arrival: Arrival) -> str:
    """The recipient who complained, as far as the report says: many providers take the address out."""
    fields = headers_in(arrival.feedback)
    said = fields.get("original-rcpt-to", "") or arrival.original.get(_HOTMAIL, "") or arrival.header(_HOTMAIL)
    return address_in(said) or address_in(arrival.original.get("to", ""))


def _feedback_type(arrival: Arrival) -> str:
    if not arrival.feedback:
        return ""
    match = _TYPE.match(headers_in(arrival.feedback).get("feedback-type", "").lower())
    return match[0] if match else "abuse"
