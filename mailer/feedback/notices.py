"""Notices of mail systems that do not report as RFC 3464 has it: whether a message is one, and whom it names."""

import re
import tomllib
from email.errors import MessageError
from email.message import Message
from pathlib import Path

from flufl.bounce import all_failures

from mailer.feedback.arrivals import Arrival
from mailer.feedback.delivery_status import address_in

with Path(__file__).with_suffix(".toml").open("rb") as file:
    _SAYS = {name: re.compile("|".join(words), re.IGNORECASE) for name, words in tomllib.load(file).items()}
_FAILED_HEADERS = ("x-failed-recipients", "x-actual-recipient", "x-qmail-original", "x-mailer-daemon-recipients")
_MOST_ADDRESSES = 50
_ADDRESS = re.compile(r"[^\s<>;:,\"'()\[\]=]{1,128}@[A-Za-z0-9][A-Za-z0-9.-]{0,250}[A-Za-z0-9]")


def is_failure_notice(arrival: Arrival) -> bool:
    """Whether a mail system says here that it could not deliver something."""
    if any(arrival.header(name) for name in _FAILED_HEADERS):
        return True
    kind = arrival.message.get_content_type()
    if kind == "multipart/report" and str(arrival.message.get_param("report-type", "")).lower() == "delivery-status":
        return True
    says = bool(_SAYS["words"].search(arrival.notice))
    marks = (
        bool(_SAYS["daemon"].search(arrival.sender)) or bool(_SAYS["daemon"].search(arrival.header("from").lower())),
        any("<>" in arrival.header(name) for name in ("return-path", "from", "envelope-from")),
        bool(_SAYS["subject"].search(arrival.subject)),
        bool(arrival.original),
        arrival.header("auto-submitted").lower().startswith("auto-generated"),
    )
    if says and sum(marks) >= 2:
        return True
    return sum(marks) >= 1 and bool(_failures(arrival.message))


def recipients_in(arrival: Arrival) -> list[str]:
    """The addresses that the notice is about, the surest source first; none twice, and not who wrote it."""
    own = {arrival.sender, address_in(arrival.header("to"))}
    for found in (
        [address_in(arrival.header(name)) for name in _FAILED_HEADERS],
        _failures(arrival.message),
        [address.lower().strip(".") for address in _ADDRESS.findall(arrival.notice)],
        [address_in(arrival.original.get("to", ""))],
    ):
        named = [address for address in dict.fromkeys(found) if address and address not in own]
        if named:
            return named[:_MOST_ADDRESSES]
    return []


def _failures(message: Message) -> list[str]:
    """What flufl.bounce finds; it was written for whole mails, and some that are not make it stumble."""
    try:
        temporary, permanent = all_failures(message)
    except (LookupError, AttributeError, ValueError, TypeError, AssertionError, RecursionError, MessageError):
        return []
    return sorted(address.decode("utf-8", "replace").lower() for address in {*temporary, *permanent})
