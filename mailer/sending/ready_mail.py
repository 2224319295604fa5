"""Sends on what a program wrote as a whole: the same message to each of its recipients, with an ID of its own."""

from collections.abc import Collection
from datetime import datetime
from email.parser import BytesHeaderParser
from email.utils import parseaddr

from django.conf import settings

from mailer.audience.return_paths import ReturnPaths
from mailer.models import Delivery, Mailing, Message
from mailer.sending.claim import Claimed
from mailer.sending.commands import Envelope, data_block
from mailer.sending.message import Sender, message_id_fields
from mailer.sending.message_id import MessageIds
from mailer.sending.outcomes import Kind, Outcome
from mailer.sending.refusing import refuse
from mailer.templating.contexts import Links, Person
from mailer.templating.sandbox import TemplateError

#: What is written in a mail's log when its message was deleted meanwhile.
GONE = "The message is not kept any more (MESSAGE_DAYS)."


class MessageWriter:
    """Writes the mail of a mailing that has a message in a template's place; seen from outside as LetterWriter."""

    def __init__(self, mailing: Mailing) -> None:
        """Load the message."""
        self.language = settings.LANGUAGE_CODE
        self._mailing = mailing
        found = Message.objects.filter(mailings=mailing).first()
        self._source = bytes(found.source) if found else b""
        self._head = BytesHeaderParser().parsebytes(self._source)
        self.sender = Sender(*parseaddr(self._head["From"] or settings.DEFAULT_FROM_EMAIL))
        self._message_ids = MessageIds()
        self._return_paths = ReturnPaths() if settings.BOUNCE_ADDRESS else None

    def envelope(self, claimed: Claimed, eight_bit: bool, now: datetime) -> Envelope | Outcome:
        """The mail for the wire; or why there is none, skipped or failed."""
        refused, person = refuse(self._mailing, claimed, now), claimed.person
        if refused is not None or person is None:
            return refused or Outcome(claimed.id, Kind.SKIPPED, reason=Delivery.Reason.ERASED)
        if not self._source:
            return Outcome(claimed.id, Kind.PERMANENT, None, GONE, Delivery.Reason.TEMPLATE)
        sender = self._return_paths.make(claimed.id) if self._return_paths else self.sender.address
        return Envelope(claimed.id, sender, person.email, self._data(claimed.id))

    def look_up(self, people: Collection[int], now: datetime) -> None:
        """Nothing: the message says all."""

    def links_of(self, person: Person) -> Links:
        """None of ours."""
        return Links()

    def write(self, pk: int, person: Person, links: Links, eight_bit: bool, now: datetime) -> bytes:
        """The mail of the delivery `pk` as it goes after DATA. Raises TemplateError if it is not kept any more."""
        if not self._source:
            raise TemplateError(GONE)
        return self._data(pk)

    def _data(self, pk: int) -> bytes:
        own = self._head["Message-ID"]
        head = message_id_fields(self._message_ids.make(pk), is_own=own is None)
        return data_block(head.encode("ascii") + self._source)
