"""Puts a template's source into its layout, as text: a stored version needs no other file to be rendered again."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mailer.templating.parser import TemplateError, check_size

_EXTENDS = re.compile(r"^\s*\{%\s*extends\s+\"([^\"]+)\"\s*%\}")
_EDGE = re.compile(r"\{%\s*(?:block\s+(\w+)|endblock(?:\s+\w+)?)\s*%\}")
_COMMENT = re.compile(r"\{#.*?#\}")


@dataclass(frozen=True)
class Origin:
    """Where a line of a flattened source was written."""

    name: str  #: `body.html`, or the layout's path below `templates/emails/`
    line: int


@dataclass(frozen=True)
class Flattened:
    """A source with its layout put in."""

    text: str
    origins: tuple[Origin, ...]  #: of each of its lines


def flatten(source: str, name: str, root: Path) -> Flattened:
    """The source called `name`; if it begins with `{% extends "…" %}`, that layout, below `root`, its blocks filled.

    Blocks do not nest and there is one level of layout. Raises TemplateError if the layout or one of its blocks is
    not there.
    """
    check_size(source, name)
    extends = _EXTENDS.match(source)
    if not extends:
        return _joined([(source, Origin(name, 1))])
    layout = (root / extends[1]).resolve()
    if not layout.is_relative_to(root.resolve()) or not layout.is_file():
        raise TemplateError(f"{name} extends “{extends[1][:60]}”, and there is no such layout.")
    frame = layout.read_text(encoding="utf-8")
    blocks = {each.name: (each.text, Origin(name, _line(source, each.start))) for each in _blocks(source)}
    if outside := _outside(source):
        line, words = outside
        raise TemplateError(
            f"{name}, line {line}: “{words}” stands outside the blocks, so it would not be in the mail."
        )
    if unknown := blocks.keys() - {each.name for each in _blocks(frame)}:
        raise TemplateError(f"{name} fills the block “{min(unknown)[:60]}”, which {extends[1]} does not have.")
    return _joined(list(_filled(frame, extends[1], blocks)))


@dataclass(frozen=True)
class _Block:
    """`{% block name %}`, up to the next `{% endblock %}`."""

    name: str
    text: str
    start: int  #: where the text begins
    first: int  #: where the tag before it begins
    end: int  #: where the tag after it ends


def _blocks(source: str) -> Iterator[_Block]:
    opened = None
    for edge in _EDGE.finditer(source):
        if edge[1] and opened is None:
            opened = edge
        elif not edge[1] and opened is not None:
            text = source[opened.end() : edge.start()]
            yield _Block(opened[1], text, opened.end(), opened.start(), edge.end())
            opened = None


def _outside(source: str) -> tuple[int, str] | None:
    """The first line of what no block holds, and its number; comments may stand anywhere."""
    rest = _EXTENDS.sub(_blank, source)
    pieces, end = [], 0
    for block in _blocks(rest):
        pieces += [rest[end : block.first], re.sub(r"[^\n]", " ", rest[block.first : block.end])]
        end = block.end
    rest = _COMMENT.sub(_blank, "".join([*pieces, rest[end:]]))
    line = next((number for number, text in enumerate(rest.split("\n")) if text.strip()), None)
    return None if line is None else (line + 1, rest.split("\n")[line].strip()[:40])


def _blank(match: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", match[0])


def _filled(frame: str, name: str, blocks: dict[str, tuple[str, Origin]]) -> Iterator[tuple[str, Origin]]:
    """The layout's text and what fills its blocks, in turn, each with where it begins."""
    end = 0
    for each in _blocks(frame):
        yield frame[end : each.first], Origin(name, _line(frame, end))
        yield blocks.get(each.name, (each.text, Origin(name, _line(frame, each.start))))
        end = each.end
    yield frame[end:], Origin(name, _line(frame, end))


def _joined(pieces: list[tuple[str, Origin]]) -> Flattened:
    """A line that several pieces make is of the one that has more than blanks in it first."""
    origins: list[Origin] = []
    is_taken = False
    for text, origin in pieces:
        for number, line in enumerate(text.split("\n")):
            if number or not origins:
                origins.append(Origin(origin.name, origin.line + number))
                is_taken = bool(line.strip())
            elif not is_taken and line.strip():
                origins[-1], is_taken = Origin(origin.name, origin.line), True
    return Flattened("".join(text for text, _ in pieces), tuple(origins))


def _line(source: str, position: int) -> int:
    return source.count("\n", 0, position) + 1
