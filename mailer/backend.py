"""Django's way to send mail, through our queue, log and retries: `EMAIL_BACKEND = "mailer.backend.EmailBackend"`."""

import logging
import re
from collections.abc import Sequence
from email import message_from_bytes, policy
from email.errors import HeaderParseError
from email.utils import parseaddr

from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.utils import timezone

from mailer.models import InvalidAddress
from mailer.scheduling.notifications import plan_message
from mailer.waking import take_notification

logger = logging.getLogger(__name__)

#: As servers without 8BITMIME need it; headers stay as they were written.
_SEVEN_BIT = policy.compat32.clone(cte_type="7bit", linesep="\r\n")
#: What the envelope says, and nobody is to read.
_HIDDEN = ("Bcc", "Return-Path")
#: RFC 5322, section 3.6.8. Django looks at a header's value, and not at its name.
_HEADER_NAME = re.compile(r"[!-9;-~]+")
#: What ends a field early; after a line end that is folded comes a blank. Python takes \x0b, \x0c and \x1c to \x1e for
#: line ends when it writes a message, and Django does not look for them.
_BREAK = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)|\n(?![ \t])")


class EmailBackend(BaseEmailBackend):
    """Writes messages down; workers send them. What came of each stands in the delivery log, under Mailings."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Take the messages, each for all its recipients or not at all; how many were taken.

        They are rows when this returns, and go out after the commit. Raises InvalidAddress, and ValueError for a
        message that is too large or has a header that can't be one; with `fail_silently` it is logged instead.
        """
        return sum(map(self._take, email_messages))

    def _take(self, message: EmailMessage) -> bool:
        recipients = [parseaddr(text)[1] or text for text in message.recipients()]
        if not recipients:
            return False
        try:
            with transaction.atomic():
                for mailing in plan_message(timezone.now(), _source_of(message), recipients):
                    take_notification(mailing)
        except (InvalidAddress, ValueError) as error:
            if not self.fail_silently:
                raise
            logger.warning("A message was not taken: %s", type(error).__name__)  # its words name the address
            return False
        return True


def _source_of(message: EmailMessage) -> bytes:
    """The message as `plan_message` takes it; without Django's Message-ID, for each copy gets one of ours.

    Raises ValueError.
    """
    wrong = next((name for name in message.extra_headers if not _HEADER_NAME.fullmatch(name)), None)
    if wrong is not None:
        raise ValueError(f"{wrong!r} is no name of a header.")
    made = message_from_bytes(_bytes_of(message), policy=_SEVEN_BIT)
    written = {name.lower() for name in message.extra_headers}
    for name in _HIDDEN if "message-id" in written else (*_HIDDEN, "Message-ID"):
        del made[name]
    return made.as_bytes(policy=_SEVEN_BIT)


def _bytes_of(message: EmailMessage) -> bytes:
    """As Django writes it; raises ValueError where a value, or a file's name, is more than one field."""
    try:
        built = message.message()
        for part in [built, *(built.get_payload() if built.is_multipart() else [])]:  # a file's name stands in its part
            for name, value in part.items():
                if _BREAK.search(str(value)):
                    raise ValueError(f"The header {name} holds a line end or a control character.")
        return built.as_bytes()
    except HeaderParseError as error:  # Python found a header within a header, and calls it no ValueError
        raise ValueError("A header holds a line end and another header.") from error
