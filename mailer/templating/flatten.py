"""Puts a template's source into its layout, as text: a stored version needs no other file to be rendered again."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mailer.templating.sandbox import TemplateError

_EXTENDS = re.compile(r"^\s*\{%\s*extends\s+\"([^\"]+)\"\s*%\}")
_BLOCK = re.compile(r"\{%\s*block\s+(\w+)\s*%\}(.*?)\{%\s*endblock(?:\s+\w+)?\s*%\}", re.DOTALL)


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
    extends = _EXTENDS.match(source)
    if not extends:
        return _joined([(source, Origin(name, 1))])
    layout = (root / extends[1]).resolve()
    if not layout.is_relative_to(root.resolve()) or not layout.is_file():
        raise TemplateError(f"{name} extends {extends[1]!r}, and there is no such layout.")
    frame = layout.read_text(encoding="utf-8")
    blocks = {match[1]: (match[2], Origin(name, _line(source, match.start(2)))) for match in _BLOCK.finditer(source)}
    if outside := _outside(source):
        line, words = outside
        raise TemplateError(
            f"{name}, line {line}: {words!r} stands outside the blocks, so it would not be in the mail."
        )
    if unknown := blocks.keys() - {match[1] for match in _BLOCK.finditer(frame)}:
        raise TemplateError(f"{name} fills the block {min(unknown)!r}, which {extends[1]} does not have.")
    return _joined(list(_filled(frame, extends[1], blocks)))


def _outside(source: str) -> tuple[int, str] | None:
    """The first line of what no block holds, and its number; comments may stand anywhere."""
    rest = _BLOCK.sub(_blank, _COMMENT.sub(_blank, _EXTENDS.sub(_blank, source)))
    line = next((number for number, text in enumerate(rest.split("\n")) if text.strip()), None)
    return None if line is None else (line + 1, rest.split("\n")[line].strip()[:40])


def _blank(match: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", match[0])


def _filled(frame: str, name: str, blocks: dict[str, tuple[str, Origin]]) -> Iterator[tuple[str, Origin]]:
    """The layout's text and what fills its blocks, in turn, each with where it begins."""
    end = 0
    for match in _BLOCK.finditer(frame):
        yield frame[end : match.start()], Origin(name, _line(frame, end))
        yield blocks.get(match[1], (match[2], Origin(name, _line(frame, match.start(2)))))
        end = match.end()
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
