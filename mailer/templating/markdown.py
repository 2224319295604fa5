"""The little Markdown that an item's summary may have, as safe HTML and as plain text.

markdown-it reads it, with all switched off that a mail has no use for (pictures above all, which could watch who
reads), and nh3 lets through a few elements and nothing else. What has no markup takes a short way round both.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import nh3
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.token import Token

#: What is shown of a text; the rest is behind its link.
MOST_CHARACTERS = 1_000
#: Lists in lists in lists: deeper ones are shown as the characters that they are made of.
MOST_NESTING = 12
_INLINE_RULES = ["emphasis", "link", "autolink", "image", "backticks", "newline", "escape", "entity"]
_BLOCK_RULES = ["list", "blockquote", "heading"]
_SCHEMES = ("http", "https", "mailto")
_ELEMENTS = {"p", "br", "strong", "em", "code", "blockquote", "ul", "ol", "li", "a"}
_STYLES = {
    "p": "margin:8px 0 0",
    "ul": "margin:8px 0 0;padding:0 20px",
    "ol": "margin:8px 0 0;padding:0 20px",
    "li": "margin:4px 0 0",
    "blockquote": "margin:8px 16px 0",
    "code": "font-family:Menlo,Consolas,monospace;font-size:15px",
}
_PLAIN = f'<p style="{_STYLES["p"]}">'
#: Whatever could be markup, or is written in another way in HTML.
_MARK = re.compile(r"[\\`*_\[\]<>&\x00-\x1f\x7f-\xa0]")
_MARK_AT_START = re.compile(r"[-+#]|\d+[.)]")
_HALF_A_LINK = re.compile(r"!?\[[^\[\]]*(?:\]\([^()\s]*)?$")
_COLOUR = re.compile(r"#[0-9a-fA-F]{3,6}")


def markdown(text: Any, colour: Any = "") -> SafeString:
    """The text's Markdown as HTML paragraphs with their style, links in the colour if one is given."""
    source = _beginning(text if type(text) is str else _as_text(text))
    plain = _unmarked(source)
    if plain is None:
        return _html(source, str(colour))
    return SafeString(f"{_PLAIN}{plain}</p>") if plain else SafeString()


def markdown_text(text: Any) -> str:
    """The text without its markup, links with their address behind them."""
    source = _beginning(text if type(text) is str else _as_text(text))
    plain = _unmarked(source)
    return _words(source) if plain is None else plain


def _beginning(text: str) -> str:
    """As much as decides what is shown: texts are kept below, and a few thousand long ones would fill the memory."""
    return text if len(text) <= 2 * MOST_CHARACTERS else text.strip()[: 2 * MOST_CHARACTERS]


def _as_text(value: Any) -> str:
    if isinstance(value, dict | list | tuple):
        raise TypeError("Markdown is text")
    return "" if value is None else str(value) + ""  # a str of its own: what was marked as safe no longer is


@lru_cache(maxsize=2048)
def _unmarked(text: str) -> str | None:
    """The text as it is shown, if that is so in HTML as well; else None."""
    shown = _shortened(text)
    return None if _MARK.search(shown) or _MARK_AT_START.match(shown) else shown


@lru_cache(maxsize=2048)
def _html(text: str, colour: str) -> SafeString:
    rendered = _PARSER.renderer.render(_tokens(_shortened(text)), _PARSER.options, {})
    return mark_safe(_sanitised(rendered, colour))  # noqa: S308 - nh3 has let it through


@lru_cache(maxsize=2048)
def _words(text: str) -> str:
    return "".join(_pieces(_tokens(_shortened(text)))).strip()


def _shortened(text: str) -> str:
    """The text, or as many whole words of it as are shown, not cut within a link."""
    text = text.strip()
    if len(text) <= MOST_CHARACTERS:
        return text
    words = text[:MOST_CHARACTERS].rsplit(None, 1)[0]
    return _HALF_A_LINK.sub("", words).rstrip(" \n,;:–-") + " …"


def _sanitised(html: str, colour: str) -> str:
    forced = {tag: {"style": style} for tag, style in _STYLES.items()}
    if _COLOUR.fullmatch(colour):
        forced["a"] = {"style": f"color:{colour}"}
    return nh3.clean(
        html,
        tags=_ELEMENTS,
        attributes={"a": {"href"}, "*": set()},
        url_schemes=set(_SCHEMES),
        url_relative="deny",
        link_rel=None,
        set_tag_attribute_values=forced,
    ).strip()


def _tokens(text: str) -> list[Token]:
    tokens = _PARSER.parse(text)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = "p"  # a heading would stand among the mail's own
    return tokens


def _pieces(tokens: list[Token]) -> Iterator[str]:
    numbers: list[int] = []  # of each list that is open the next number; 0 if it has none
    for token in tokens:
        if token.type == "inline":
            yield _line(token.children or [])
        elif token.type in ("paragraph_close", "heading_close"):
            yield "\n" if token.hidden else "\n\n"
        elif token.type in ("bullet_list_open", "ordered_list_open"):
            numbers.append(int(token.attrGet("start") or 1) if token.tag == "ol" else 0)
        elif token.type in ("bullet_list_close", "ordered_list_close"):
            numbers.pop()
            yield "" if numbers else "\n"
        elif token.type == "list_item_open":
            yield "  " * (len(numbers) - 1) + (f"{numbers[-1]}. " if numbers[-1] else "* ")
            numbers[-1] += bool(numbers[-1])


def _line(tokens: list[Token]) -> str:
    said, links = "", []
    for token in tokens:
        if token.type == "link_open":
            links.append((len(said), str(token.attrGet("href") or "")))
        elif token.type == "link_close":
            start, address = links.pop()
            said += "" if said[start:] == address else f" ({address})"
        else:
            said += "\n" if token.type in ("softbreak", "hardbreak") else token.content
    return said


def _alternative(renderer: Any, tokens: list[Token], index: int, options: Any, env: Any) -> str:
    """A picture as the words that stand for it."""
    return nh3.clean_text(tokens[index].content)


class _Parser(MarkdownIt):
    """Reads what is left switched on."""

    def __init__(self) -> None:
        super().__init__("zero", {"maxNesting": MOST_NESTING})
        self.enable(_INLINE_RULES + _BLOCK_RULES)
        self.add_render_rule("image", _alternative)

    def validateLink(self, url: str) -> bool:  # noqa: N802 - the library's name
        """Whether it leads out of the mail, to a page or an address; what does not stays as it was written."""
        return url.lower().startswith(tuple(f"{scheme}:" for scheme in _SCHEMES))


_PARSER = _Parser()
