"""What the messages of a composition share, prepared as bytes, so that one mail is a few fields and one join.

It is used where that is certain to give what `build_message` gives: 8BITMIME, lines within their limit, and no value in
the fields that begins with a dot or has line ends of another kind. For every other mail the message is built from its
text.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mailer.sending.commands import data_block
from mailer.sending.message import (
    MAX_LINE,
    Addressee,
    Sender,
    build_message,
    new_boundary,
    normal_lines,
    own_head,
    part_head,
    shared_head,
)
from mailer.templating.compose import Composition, Field, Parts, joined


@dataclass(frozen=True, slots=True)
class _Slot:
    index: int  #: where among the pieces
    field: Field
    room: int  #: bytes that its line still has, and those that it begins and ends, if it has several
    edge: bool  #: whether it stands at an end of the text part, where space is cut off

    def value(self, personal: dict[str, Any]) -> bytes | None:
        """The field's bytes; None if they would not stay within their lines."""
        value = self.field.fill(personal)
        if self.edge and (not value or value != value.strip()):
            return None
        content = value.encode()
        if content[:1] == b".":
            return None
        if not value.isprintable():  # else there is no end of line in it, which is quicker to see than a search for one
            if "\r" in value or "\x00" in value:
                return None
            if "\n" in value:
                return self._lines(content)
        return content if len(content) <= self.room else None

    def _lines(self, content: bytes) -> bytes | None:
        """The bytes of a value that has several lines."""
        first, last = content.find(b"\n"), len(content) - content.rfind(b"\n") - 1
        return _on_the_wire(content) if max(first, last) <= self.room and _fits(content) else None


class Stationery:
    """A composition for one sender and one kind of connection."""

    def __init__(self, composition: Composition, sender: Sender, eight_bit: bool) -> None:
        """Prepare what can be."""
        self._composition, self._eight_bit = composition, eight_bit
        self._boundary = new_boundary()
        self._head = shared_head(sender, self._boundary)
        self._pieces: list[bytes] | None = None
        self._slots: list[_Slot] = []
        if eight_bit and not composition.inlined_late:
            self._prepare()

    def data(self, personal: dict[str, Any], addressee: Addressee, now: datetime) -> bytes:
        """The mail of one recipient as it goes after DATA: dot-stuffed, with the final dot.

        The composition's language has to be active. Raises TemplateError, and UnicodeEncodeError for half a surrogate
        pair.
        """
        self._composition.begin()
        return self._filled(personal, addressee, now) or self._built(personal, addressee, now)

    def _filled(self, personal: dict[str, Any], addressee: Addressee, now: datetime) -> bytes | None:
        """From the prepared pieces; None where these won't do."""
        if self._pieces is None:
            return None
        pieces = self._pieces.copy()
        for slot in self._slots:
            content = slot.value(personal)
            if content is None:
                return None
            pieces[slot.index] = content
        pieces[0] = self._head + own_head(addressee, self._composition.merge_subject(personal), now)
        return b"".join(pieces)

    def _built(self, personal: dict[str, Any], addressee: Addressee, now: datetime) -> bytes:
        mail = self._composition.merge(personal)
        head = self._head + own_head(addressee, mail.subject, now)
        return data_block(build_message(mail, head, self._boundary, self._eight_bit))

    def _prepare(self) -> None:
        mark = f"--{self._boundary}"
        text, html = _trimmed(self._composition.text), self._composition.html
        edges = [part for part in (text[0], text[-2:][0]) if isinstance(part, Field)]
        head_of = {
            subtype: part_head(subtype, b"8bit").decode().replace("\r\n", "\n") for subtype in (b"plain", b"html")
        }
        sources: list[str | Field] = [f"\n{mark}\n{head_of[b'plain']}", *text]
        sources += [f"\n{mark}\n{head_of[b'html']}", *html, f"\n{mark}--\n"]
        normal = [normal_lines(part) if isinstance(part, str) else part for part in sources]
        parts: list[str | Field] = ["", *joined(normal)]
        rooms = list(_rooms(parts))
        dotted = any(isinstance(part, str) and part.startswith(".") for part in parts)
        if dotted or min(rooms) < 0:
            return  # a field that is empty would bring that dot to the beginning of its line
        self._slots = [
            _Slot(index, part, room, edge=any(part is field for field in edges))
            for (index, part), room in zip(enumerate(parts), rooms, strict=True)
            if isinstance(part, Field)
        ]
        self._pieces = [*(_on_the_wire(part.encode()) if isinstance(part, str) else b"" for part in parts), b".\r\n"]


def _trimmed(text: Parts) -> list[str | Field]:
    """The text part as `merge` leaves it, but for the space at the ends of a field that stands first or last."""
    parts: list[str | Field] = list(text)
    if parts and isinstance(parts[0], str):
        parts[0] = parts[0].lstrip()
    if parts and isinstance(parts[-1], str):
        parts[-1] = parts[-1].rstrip()
    return [*(part for part in parts if part != ""), "\n"]


def _rooms(parts: list[str | Field]) -> Iterator[int]:
    """For each part the bytes that a field on its longest line may have; negative if a line is too long as it is."""
    lines = "".join(part if isinstance(part, str) else "\x00" for part in parts).split("\n")
    rooms = iter(
        [
            (MAX_LINE - len(line.encode()) + line.count("\x00")) // max(1, line.count("\x00"))
            for line in lines
            for _ in range(line.count("\x00"))
        ]
    )
    longest = max(len(line.encode()) for line in lines)
    for part in parts:
        if isinstance(part, Field):
            yield next(rooms)
        else:
            yield MAX_LINE - longest


def _fits(content: bytes) -> bool:
    """Whether no line is too long."""
    start, end = 0, len(content)
    while end - start > MAX_LINE:
        start = content.rfind(b"\n", start, start + MAX_LINE + 1) + 1
        if not start:
            return False
    return True


def _on_the_wire(content: bytes) -> bytes:
    """With CRLF line ends and doubled leading dots; none stands at the very beginning."""
    return content.replace(b"\n", b"\r\n").replace(b"\r\n.", b"\r\n..")
