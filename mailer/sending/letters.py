"""Turns claimed deliveries into envelopes: composed once for all who get the same, merged and built for each."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import parseaddr

from django.conf import settings

from mailer.audience.links import make_token
from mailer.models import Delivery, DigestItem, Mailing, Subscription
from mailer.sending.claim import Claimed
from mailer.sending.commands import Envelope
from mailer.sending.message import Addressee, build_message, make_sender
from mailer.sending.message_id import message_id
from mailer.sending.outcomes import Kind, Outcome
from mailer.templating.compile import compile_sources
from mailer.templating.compose import Composition, Rendered, compose
from mailer.templating.contexts import Links, Person, mailing_context, personal_context
from mailer.templating.sandbox import TemplateError

#: How many compositions a writer keeps; those who get items of their own have one each.
_KEPT = 64


@dataclass(frozen=True)
class Letter:
    """A delivery's mail before it is bytes: what the recipient reads, and to whom it goes."""

    mail: Rendered
    person: Person
    links: Links


class LetterWriter:
    """Writes the mails of one mailing, and keeps what several of them share."""

    def __init__(self, mailing: Mailing) -> None:
        """Load what the mailing pins: its template version, its items and its sender."""
        version = mailing.version
        self._mailing = mailing
        self._compiled = compile_sources(version.subject, version.html, version.text)
        self._sender = make_sender(mailing.list, settings.SITE_NAME, parseaddr(settings.DEFAULT_FROM_EMAIL)[1])
        pinned = DigestItem.objects.filter(mailing_items__mailing=mailing).order_by("mailing_items__position")
        self._items = list(pinned.filter(recipient=None))
        self._personal_items = pinned.exclude(recipient=None)
        self._has_personal_items = self._personal_items.exists()
        self._compositions: dict[tuple[int, ...], Composition] = {}

    def refuse(self, claimed: Claimed, now: datetime) -> Outcome | None:
        """Why nothing goes to this recipient, as of now; None if a mail does."""
        reason = Delivery.Reason.NONE
        if claimed.person is None:
            reason = Delivery.Reason.ERASED
        elif claimed.suppressed:
            reason = Delivery.Reason.SUPPRESSED
        elif self._mailing.list is not None and claimed.subscription != Subscription.Status.ACTIVE:
            reason = Delivery.Reason.UNSUBSCRIBED
        elif claimed.paused_until is not None and claimed.paused_until > now:
            reason = Delivery.Reason.PAUSED
        return Outcome(claimed.id, Kind.SKIPPED, reason=reason) if reason else None

    def write(self, person: Person) -> Letter | None:
        """The mail as this person gets it; None if it would have nothing in it. Raises TemplateError."""
        items = self._items_for(person)
        if self._mailing.digest is not None and not items and not self._mailing.digest.send_when_empty:
            return None
        links = self._links(person)
        mail = self._compose(items).merge(personal_context(person, links))
        return Letter(mail, person, links)

    def envelope(self, claimed: Claimed, eight_bit: bool, now: datetime) -> Envelope | Outcome:
        """The mail for the wire; or why there is none, skipped or failed."""
        refused = self.refuse(claimed, now)
        if refused is not None or claimed.person is None:
            return refused or Outcome(claimed.id, Kind.SKIPPED, reason=Delivery.Reason.ERASED)
        try:
            letter = self.write(claimed.person)
        except TemplateError as error:
            return Outcome(claimed.id, Kind.PERMANENT, None, str(error), Delivery.Reason.TEMPLATE)
        if letter is None:
            return Outcome(claimed.id, Kind.SKIPPED, reason=Delivery.Reason.EMPTY)
        person = letter.person
        addressee = Addressee(person.name, person.email, message_id(claimed.id), letter.links.unsubscribe)
        message = build_message(letter.mail, self._sender, addressee, now, eight_bit)
        return Envelope(claimed.id, self._sender.address, person.email, message)

    def _items_for(self, person: Person) -> Sequence[DigestItem]:
        if not self._has_personal_items:
            return self._items
        return [*self._personal_items.filter(recipient=person.id), *self._items]

    def _compose(self, items: Sequence[DigestItem]) -> Composition:
        key = tuple(item.pk for item in items)
        if key not in self._compositions:
            if len(self._compositions) >= _KEPT:
                self._compositions.pop(next(iter(self._compositions)))
            # The language is the list's, which is the template's: German dates in an English mail help nobody.
            language = self._mailing.list.language if self._mailing.list else ""
            self._compositions[key] = compose(self._compiled, mailing_context(self._mailing, items, language))
        return self._compositions[key]

    def _links(self, person: Person) -> Links:
        if self._mailing.list is None:
            return Links()
        token = make_token("unsubscribe", self._mailing.list.pk, person.id)
        return Links(unsubscribe=f"{settings.SITE_URL}/u/{token}")
