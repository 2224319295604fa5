"""From a template version's sources to something that can be filled: CSS inlined once, sources parsed once.

premailer costs tens of milliseconds, so it runs on the source, with the template's tags put aside, and not on each
recipient's mail. What it could get wrong that way is refused here or found by `check_sources`.
"""

import logging
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from cssutils import CSSParser
from lxml.etree import LxmlError
from premailer import Premailer

from mailer.templating.sandbox import MailTemplate, TemplateError, parse

_TAG = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_TOKEN = re.compile(r"zqt(\d+)tqz")
_START_TAG = re.compile(r"<[a-zA-Z][^<>]*>")
_QUOTED = re.compile(r'"[^"]*"|\'[^\']*\'')
_STYLED = re.compile(r'\s(style|class)\s*=\s*("[^"]*"|\'[^\']*\')', re.IGNORECASE)
_FORBIDDEN = re.compile(
    r"<\s*(script|base|form|iframe|object|embed)\b|<\s*link\b[^>]*stylesheet|@import", re.IGNORECASE
)


@dataclass(frozen=True)
class CompiledTemplate:
    """The three parts of a mail, ready to be composed."""

    subject: MailTemplate
    html: MailTemplate
    text: MailTemplate


@lru_cache(maxsize=64)
def compile_sources(subject: str, html: str, text: str) -> CompiledTemplate:
    """The sources with their CSS inlined, parsed. Raises TemplateError with the part and the line of the fault."""
    parse(html, "body.html")  # before inlining, so that the line is the author's
    return CompiledTemplate(
        subject=parse(subject, "subject.txt"),
        html=parse(inline_css(html), "body.html"),
        text=parse(text, "body.txt"),
    )


def inline_css(html: str) -> str:
    """The HTML source with its style sheet moved into style attributes, template tags untouched.

    Raises TemplateError where a tag stands in a place that inlining can't respect.
    """
    if match := _FORBIDDEN.search(html):
        raise TemplateError(f"body.html, line {_line(html, match.start())}: {match[0]!r} may not stand in a mail.")
    tags: list[str] = []

    def put_aside(match: re.Match[str]) -> str:
        tags.append(match[0])
        return f"zqt{len(tags) - 1}tqz"

    protected = _TAG.sub(put_aside, html)
    _check_places(protected)
    return _TOKEN.sub(lambda match: tags[int(match[1])], _SafePremailer(protected).inline())


def _check_places(protected: str) -> None:
    for start_tag in _START_TAG.finditer(protected):
        line = _line(protected, start_tag.start())
        if _TOKEN.search(_QUOTED.sub("", start_tag[0])):
            raise TemplateError(
                f"body.html, line {line}: a template tag inside {start_tag[0][:40]!r} must be in quotes."
            )
        for name, value in _STYLED.findall(start_tag[0]):
            if _TOKEN.search(value):
                raise TemplateError(f"body.html, line {line}: a {name} attribute can't hold a template tag.")


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
        except (LxmlError, ValueError, AttributeError) as error:
            raise TemplateError(f"body.html could not be inlined: {error}") from error

    def _parse_css_string(self, css: str, validate: bool = True) -> Any:
        # cssutils fetches what `@import` names unless its parser is told otherwise.
        parser = CSSParser(fetcher=lambda url: (None, b""), loglevel=logging.CRITICAL, validate=False)
        return parser.parseString(css, validate=False)

    def _load_external(self, url: str) -> str:
        raise ValueError(f"external CSS is not allowed: {url}")
