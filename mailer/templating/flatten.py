"""Puts a template file into its layout, as text, so that a stored version needs no other file to be rendered again."""

import re
from pathlib import Path

from mailer.templating.sandbox import TemplateError

_EXTENDS = re.compile(r"^\s*\{%\s*extends\s+\"([^\"]+)\"\s*%\}")
_BLOCK = re.compile(r"\{%\s*block\s+(\w+)\s*%\}(.*?)\{%\s*endblock(?:\s+\w+)?\s*%\}", re.DOTALL)


def flatten(path: Path, root: Path) -> str:
    """The file's text; if it begins with `{% extends "…" %}`, that layout (a path below `root`) with its blocks filled.

    Blocks do not nest and there is one level of layout. Raises TemplateError if the layout or one of its blocks is
    not there.
    """
    source = path.read_text(encoding="utf-8")
    extends = _EXTENDS.match(source)
    if not extends:
        return source
    layout = (root / extends[1]).resolve()
    if not layout.is_relative_to(root.resolve()) or not layout.is_file():
        raise TemplateError(f"{path.name} extends {extends[1]!r}, which is not in {root}.")
    frame = layout.read_text(encoding="utf-8")
    blocks = dict(_BLOCK.findall(source))
    if unknown := blocks.keys() - {name for name, _ in _BLOCK.findall(frame)}:
        raise TemplateError(f"{path.name} fills the block {min(unknown)!r}, which {extends[1]} does not have.")
    return _BLOCK.sub(lambda match: str(blocks.get(match[1], match[2])), frame)
