"""Moves a mail's style sheet into style attributes with premailer, which gets no way out to files or network.

premailer costs tens of milliseconds, so it runs on a template's source, with the template's tags put aside. Where that
could come out otherwise than inlining what was rendered, `reasons_to_wait` says so, and it is done for each mail.
"""

import logging
import re
from collections.abc import Iterator
from typing import Any
from xml.dom import DOMException

from cssselect import SelectorError
from cssutils import CSSParser
from lxml.etree import LxmlError
from premailer import Premailer

from mailer.templating.markup import check_markup, document
from mailer.templating.parser import TemplateError, check_size
from mailer.templating.style_sheet import check_styles, selectors_in

#: What a style sheet may name: colours that were checked, so that they are one value wherever they stand.
COLOURS = ("list.accent", "list.accent_dark")
_COLOUR = re.compile(rf"\{{\{{ (?:{'|'.join(map(re.escape, COLOURS))}) \}}\}}")
_TAG = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
TOKEN = re.compile(r"zqt(\d+)tqz")
_START_TAG = re.compile(r"<[a-zA-Z][^<>]*>")
_QUOTED = re.compile(r'"[^"]*"|\'[^\']*\'')
_STYLED = re.compile(r'\s(style|class|id)\s*=\s*("[^"]*"|\'[^\']*\')', re.IGNORECASE)
_CSS_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_AT_RULE = re.compile(r"@[\w-]+[^{;]*(?:;|\{(?:[^{}]*\{[^{}]*\})*[^{}]*\})")
#: Selectors by which an element's neighbours or attributes decide, which loops, conditions and data change.
_BY_NEIGHBOUR = re.compile(r":(?:first|last|only|nth)-[\w-]+|:empty\b|:not\(|[+~]|\[")
#: What premailer and what it calls raise for a style sheet or a page that they can't read.
_UNREADABLE = (
    LxmlError, SelectorError, DOMException, ValueError, AttributeError, LookupError, TypeError, AssertionError,
    RecursionError,
)  # fmt: skip


def inline_source(html: str) -> str:
    """A template's source with its CSS inlined, template tags untouched. Raises TemplateError."""
    tags, protected = put_tags_aside(html)
    return TOKEN.sub(lambda match: tags[int(match[1])], _SafePremailer(protected).inline())


def inline_rendered(html: str) -> str:
    """A rendered mail with its CSS inlined. Raises TemplateError."""
    check_styles(document(html))
    return _SafePremailer(html).inline()


def check_source(html: str) -> None:
    """Raise TemplateError, with the line, for what may not stand in a mail at all, or would take too long to read."""
    check_size(html, "body.html")
    if ours := TOKEN.search(html):
        raise TemplateError(f"body.html, line {_line(html, ours.start())}: “{ours[0][:20]}” is a word of ours.")
    root = document(put_tags_aside(html)[1])
    check_markup(root)
    check_styles(root)


def reasons_to_wait(html: str) -> list[str]:
    """Why this source's CSS can only be inlined when it is rendered, in words for its author; usually nothing."""
    tags, protected = put_tags_aside(html)
    return [*_places(protected), *_neighbourly(tags, protected)]


def put_tags_aside(html: str) -> tuple[list[str], str]:
    """The template tags, and the source with tokens in their stead that mean nothing to HTML or CSS."""
    tags: list[str] = []

    def put_aside(match: re.Match[str]) -> str:
        tags.append(match[0])
        # A tag over several lines leaves its line ends, so that lines can be counted.
        return f"zqt{len(tags) - 1}tqz" + "\n" * match[0].count("\n")

    return tags, _TAG.sub(put_aside, html)


def _places(protected: str) -> Iterator[str]:
    for start_tag in _START_TAG.finditer(protected):
        line = _line(protected, start_tag.start())
        if TOKEN.search(_QUOTED.sub("", start_tag[0])):
            yield f"line {line}: a template tag stands inside {start_tag[0].split()[0]}…> and not in quotes"
        for name, value in _STYLED.findall(start_tag[0]):
            if TOKEN.search(value):
                yield f"line {line}: a {name} attribute depends on a template tag"


def _neighbourly(tags: list[str], protected: str) -> Iterator[str]:
    for style in document(protected).iter("style"):
        named = TOKEN.sub(lambda match: _without_colours(tags[int(match[1])]), str(style.text or ""))
        whole = _CSS_COMMENT.sub("", named)
        for selector in selectors_in(_AT_RULE.sub("", whole)):
            if _BY_NEIGHBOUR.search(selector):
                shown = " ".join(selector.split())[:60]
                yield f"the selector '{shown}' goes by an element's neighbours or attributes"
        if "{{" in whole or "{%" in whole:
            yield f"the style sheet holds a template tag other than {{{{ {' }} or {{ '.join(COLOURS)} }}}}"


def _without_colours(tag: str) -> str:
    return _COLOUR.sub("colour", tag)


def _line(source: str, position: int) -> int:
    return source.count("\n", 0, position) + 1


class _SafePremailer(Premailer):
    """premailer with no way out: it fetches nothing, and keeps what phones and dark mode need."""

    def __init__(self, html: str) -> None:
        super().__init__(
            html,
            allow_network=False,
            allow_loading_external_files=False,
            strip_important=False,  # else the media queries lose against the inlined styles
            include_star_selectors=True,
            remove_classes=False,  # the media queries need them
            keep_style_tags=False,
            disable_basic_attributes=["width", "height"],
            disable_validation=True,
            cssutils_logging_level=logging.CRITICAL,
        )

    def inline(self) -> str:
        """The inlined HTML. Raises TemplateError."""
        try:
            return str(self.transform())
        except _UNREADABLE as error:
            raise TemplateError("body.html can't be read as HTML: check how it begins, and its style sheet.") from error

    def _parse_css_string(self, css: str, validate: bool = True) -> Any:
        # cssutils fetches what `@import` names unless its parser is told otherwise.
        parser = CSSParser(fetcher=lambda url: (None, b""), loglevel=logging.CRITICAL, validate=False)
        return parser.parseString(css, validate=False)

    def _load_external(self, url: str) -> str:
        raise ValueError(f"external CSS is not allowed: {url}")
