"""Turns claimed deliveries into envelopes: composed once for all who get the same, merged and built for each."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from email.utils import parseaddr

from django.conf import settings
from django.utils import translation

from mailer.audience.links import Signer, pack
from mailer.audience.repeats import Repeats
from mailer.audience.return_paths import ReturnPaths
from mailer.models import Attachment, Delivery, Mailing
from mailer.sending.claim import Claimed
from mailer.sending.commands import Envelope
from mailer.sending.enclosures import enclose, files_of
from mailer.sending.items import Items
from mailer.sending.message import Addressee, make_sender
from mailer.sending.message_id import MessageIds
from mailer.sending.outcomes import Kind, Outcome
from mailer.sending.refusing import refuse
from mailer.sending.stationery import Stationery
from mailer.templating.budget import MAX_ATTRIBUTES
from mailer.templating.compile import CompiledTemplate, compile_sources
from mailer.templating.compose import compose
from mailer.templating.contexts import (
    ITEM_NAMES,
    Links,
    Person,
    mailing_context,
    own_items_context,
    personal_context,
)
from mailer.templating.personal import PERSONAL
from mailer.templating.sandbox import TemplateError

#: Of the kinds of mail in one mailing, so many are kept: what people have had may differ in many ways.
_MOST_SHEETS = 100
#: What one person's data can bring about; it must not stop the others' mails.
BROKEN = (TemplateError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


@dataclass(frozen=True, slots=True)
class _Sheets:
    """What the mails of one translation are written on."""

    stationery: Stationery
    names_attributes: bool


class LetterWriter:
    """Writes the mails of one mailing, and keeps what several of them share."""

    def __init__(self, mailing: Mailing) -> None:
        """Load what the mailing pins: its template version, its items and its sender."""
        version = mailing.pinned
        self._mailing, self._list, self._digest = mailing, mailing.list, mailing.digest
        self.language = mailing.language  #: has to be the active one when the first mail is written
        self._is_test = mailing.kind == Mailing.Kind.TEST
        self._version, self._translations, self._active = version, {"": ""}, ""
        self._compile("")  # a mailing whose template can't be used does not begin
        self.sender = make_sender(mailing.list, settings.SITE_NAME, parseaddr(settings.DEFAULT_FROM_EMAIL)[1])
        self._items, self._repeats = Items(mailing), Repeats(mailing)
        self._files: list[Attachment] = []
        # A test's links look like links, and open and end nothing.
        self._leaving = Signer("test" if self._is_test else "unsubscribe", self._list.id) if self._list else None
        self._preferences = Signer("test" if self._is_test else "preferences")
        self._viewer = Signer("view", mailing.id)
        self._message_ids, self._site = MessageIds(), settings.SITE_URL
        self._return_paths = ReturnPaths() if settings.BOUNCE_ADDRESS else None
        #: By translation, by what they have had, and for those with items of their own or for all others.
        self._stationeries: dict[tuple[str, frozenset[int], bool], _Sheets] = {}

    def envelope(self, claimed: Claimed, eight_bit: bool, now: datetime) -> Envelope | Outcome:
        """The mail for the wire; or why there is none, skipped or failed."""
        refused, person = refuse(self._mailing, claimed, now), claimed.person
        if refused is not None or person is None:
            return refused or Outcome(claimed.id, Kind.SKIPPED, reason=Delivery.Reason.ERASED)
        try:
            data = self.write(claimed.id, person, self.links_of(person), eight_bit, now)
        except BROKEN as error:
            return Outcome(claimed.id, Kind.PERMANENT, None, str(error), Delivery.Reason.TEMPLATE)
        if data is None:
            return Outcome(claimed.id, Kind.SKIPPED, reason=Delivery.Reason.EMPTY)
        sender = self._return_paths.make(claimed.id) if self._return_paths else self.sender.address
        return Envelope(claimed.id, sender, person.email, data)

    def look_up(self, people: Collection[int], now: datetime) -> None:
        """Fetch, in a few queries for all of these recipients, their own items, and which they have had."""
        self._files = files_of(self._mailing)
        self._items.look_up(people)
        self._repeats.look_up(people, now)

    def write(self, pk: int, person: Person, links: Links, eight_bit: bool, now: datetime) -> bytes | None:
        """The mail of the delivery `pk` as it goes after DATA; None if there would be nothing in it. Raises BROKEN."""
        had = self._repeats.had(person.id)
        own = self._items.own(person.id, self._repeats.had_own(person.id)) if self._items.has_own else []
        shared = self._items.shared(had)
        if self._digest is not None and not own and not shared and not self._digest.send_when_empty:
            return None
        kind = self._translation(person.language), had, bool(own)
        sheets = self._stationeries.get(kind)
        if sheets is None:
            sheets = self._make_sheets(kind, links, eight_bit)
        if sheets.names_attributes and len(person.attributes) > MAX_ATTRIBUTES:
            raise TemplateError(f"More than {MAX_ATTRIBUTES // 1000} KB is known of this person.")
        personal = personal_context(person, links, sheets.names_attributes)
        if own:
            personal = own_items_context(self._mailing, [*own, *shared]) | personal
        addressee = Addressee(person.name, person.email, self._message_ids.make(pk), links.unsubscribe)
        data = sheets.stationery.data(personal, addressee, now)
        return enclose(data, self._files) if self._mailing.has_attachments else data

    def _translation(self, language: str) -> str:
        """The version's translation for who reads this language; made the active one."""
        found = self._translations.get(language)
        if found is None:
            found = self._translations[language] = self._version.translation_for(language)
        if found != self._active:
            translation.activate(found or self.language)
            self._active = found
        return found

    def _make_sheets(self, kind: tuple[str, frozenset[int], bool], links: Links, eight_bit: bool) -> "_Sheets":
        language, had, has_own = kind
        compiled = self._compile(language)
        context = mailing_context(self._mailing, self._items.shared(had), language) | {"links": links.there()}
        composition = compose(compiled, context, PERSONAL | ITEM_NAMES if has_own else PERSONAL)
        made = _Sheets(Stationery(composition, self.sender, eight_bit), compiled.names_attributes)
        if len(self._stationeries) >= _MOST_SHEETS:
            self._stationeries.clear()
        self._stationeries[kind] = made
        return made

    def _compile(self, language: str) -> CompiledTemplate:
        subject, html, text = self._version.parts(language)
        return compile_sources(f"[Test] {subject}" if self._is_test else subject, html, text)

    def links_of(self, person: Person) -> Links:
        """What the person's own mail leads to; a mail that belongs to no list has only their preferences."""
        packed = pack(person.id)
        preferences = f"{self._site}/p/{self._preferences.make_token(packed)}"
        if self._leaving is None:
            return Links(preferences=preferences)
        return Links(
            unsubscribe=f"{self._site}/u/{self._leaving.make_token(packed)}",
            preferences=preferences,
            view=f"{self._site}/v/{self._viewer.make_token(packed)}",
        )
