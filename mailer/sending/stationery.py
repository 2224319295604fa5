"""What the messages of a composition share, prepared as bytes, so that one mail is a few fields and one join.

It is used where that is certain to give what `build_message` gives: 8BITMIME, lines within their limit, and no value in
the fields that begins with a dot or has line ends of another kind. For every other mail the message is built from its
text.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from operator import le
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
    field: Field
    room: int  #: bytes that its line still has, and those that it begins and ends, if it has several
    edge: bool  #: whether it stands at an end of the text part, where space is cut off

    def content(self, value: str) -> bytes | None:
        """The value's bytes; None if they would not stay within their lines."""
        if self.edge and (not value or value != value.strip()):
            return None
        content = value.encode()
        if content[:1] == b"." or "\r" in value or "\x00" in value:
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
        self._pieces: list[bytes] | None = None  # the head's place, then texts and in between the places of the slots
        self._slots: list[_Slot] = []
        self._rooms: list[int] = []
        self._edges: list[int] = []  # which slots stand at an end of the text part
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
        contents = self._contents([slot.field.fill(personal) for slot in self._slots])
        if contents is None:
            return None
        pieces = self._pieces.copy()
        pieces[0] = self._head + own_head(addressee, self._composition.merge_subject(personal), now)
        pieces[2::2] = contents
        return b"".join(pieces)

    def _contents(self, values: list[str]) -> list[bytes] | None:
        """The bytes of what stands in the slots; None if they would not stay within their lines."""
        together = "|".join(values)
        # That no value has ends of line or begins with a dot, as is usual, is seen sooner of all at once.
        if together.isprintable() and "|." not in together and together[:1] != "." and self._keep_space(values):
            contents = [value.encode() for value in values]
            if all(map(le, map(len, contents), self._rooms)):
                return contents
        found = [slot.content(value) for slot, value in zip(self._slots, values, strict=True)]
        known = [content for content in found if content is not None]
        return known if len(known) == len(found) else None

    def _keep_space(self, values: list[str]) -> bool:
        """Whether nothing is cut off where the text part begins and ends."""
        outermost = [values[at] for at in self._edges]
        return all(outermost) and outermost == [value.strip() for value in outermost]

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
        parts = joined(normal)
        rooms = list(_rooms(parts))
        dotted = any(isinstance(part, str) and part.startswith(".") for part in parts)
        if dotted or min(rooms) < 0:
            return  # a field that is empty would bring that dot to the beginning of its line
        texts = [b""]
        for part, room in zip(parts, rooms, strict=True):
            if isinstance(part, Field):
                self._slots.append(_Slot(part, room, edge=any(part is field for field in edges)))
                texts.append(b"")  # two slots may have nothing between them
            else:
                texts[-1] = _on_the_wire(part.encode())
        self._rooms = [slot.room for slot in self._slots]
        self._edges = [at for at, slot in enumerate(self._slots) if slot.edge]
        self._pieces = [b""] * 2 * len(texts)
        self._pieces[1::2] = [*texts[:-1], texts[-1] + b".\r\n"]


def _trimmed(text: Parts) -> list[str | Field]:
    """The text part as `merge` leaves it, but for the space at the ends of a field that stands first or last."""
    parts: list[str | Field] = list(text)
    if parts and isinstance(parts[0], str):
        parts[0] = parts[0].lstrip()
    if parts and isinstance(parts[-1], str):
        parts[-1] = parts[-1].rstrip()
    return [*(part for part in parts if part != ""), "\n"]


def _rooms(parts: Parts) -> Iterator[int]:
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
