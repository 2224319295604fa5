"""What of a mail's HTML and CSS some of the large mail clients do not support, by caniemail's tests (`clients.json`).

A mail may ask for more than every client can do, as long as nothing is lost without it. In `@media` it does: what
stands there is left out by who does not know it. So it is not looked at, and neither are what only hints, such as
`color-scheme`, and selectors that are gone when the CSS has been inlined.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lxml.etree import Comment
from lxml.html import HtmlElement

from mailer.templating.inlining import TOKEN, put_tags_aside
from mailer.templating.markup import document

FACTS = Path(__file__).with_suffix(".json")
_TABLE = json.loads(FACTS.read_text(encoding="utf-8"))
CLIENTS: list[str] = _TABLE["clients"]
#: When caniemail's data was brought up to date.
AS_OF: str = _TABLE["date"]
_BY_KIND: dict[str, dict[str, list[int]]] = _TABLE["unsupported"]
_OUTLOOK = "Outlook for Windows"
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_AT_RULE = re.compile(r"(@[\w-]+)[^{;]*(?:;|\{(?:[^{}]*\{[^{}]*\})*[^{}]*\})")
# Each of these begins where nothing that it takes stands before, and gives nothing back: else a long word is read again
# from each of its letters.
_RULE = re.compile(r"(?:^|(?<=[{}]))([^{}]++)\{([^{}]*+)\}")
_DECLARATION = re.compile(r"(?<![\w-])([\w-]++)\s*+:((?:\([^()]*\)|\"[^\"]*\"|'[^']*'|[^;\"'(])*)")
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
_PSEUDO = re.compile(r"::?[\w-]+")
_PICTURE = re.compile(r"(\.\w+)(?:[?#].*)?$")


@dataclass(frozen=True)
class Unsupported:
    """A feature that a mail makes use of, and clients that have not got it."""

    line: int  #: from 1; of an element, where its start tag ends
    feature: str  #: `aspect-ratio`, `<bdi>`, `:hover`
    clients: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.feature} is not supported by {', '.join(self.clients)}"


def unsupported(html: str) -> list[Unsupported]:
    """What a mail, or a template's source, uses that is not supported everywhere; each feature once."""
    reader = _Reader()
    root = document(put_tags_aside(html)[1])
    before = list(root.itersiblings(preceding=True))  # comments that come first are moved out of the page
    for node in [*reversed(before), *root.iter()]:
        reader.read(node)
    return list(reader.found.values())


class _Reader:
    """Looks at each element, style attribute and style sheet on its way."""

    def __init__(self) -> None:
        self.found: dict[str, Unsupported] = {}
        self._hidden_from_outlook = False

    def read(self, node: HtmlElement) -> None:
        """What the element, or the comment, is about."""
        if node.tag is Comment:
            self._comment(str(node.text or ""))
        elif isinstance(node.tag, str):
            self._element(node, node.sourceline or 1)

    def _element(self, element: HtmlElement, line: int) -> None:
        """Its name, its attributes, the kind of its picture, and its own style."""
        tag = element.tag
        self._look_up("element", tag, f"<{tag}>", line)
        self._look_up("element", f"{tag} type={element.get('type')}", f"<{tag} type={element.get('type')}>", line)
        for name in element.attrib:
            self._look_up("attribute", name, f"{name}=", line)
        if tag == "img" and (kind := _PICTURE.search(element.get("src", "")[:2_000])):
            self._look_up("image", kind[1].lower(), f"{kind[1]} pictures", line)
        self._declarations(element.get("style", ""), line)
        if tag == "style":
            self._style_sheet(str(element.text or ""), line)

    def _style_sheet(self, data: str, line: int) -> None:
        """A style sheet without what stands in comments and at-rules."""
        css = _COMMENT.sub(_blank, data)
        for at_rule in _AT_RULE.finditer(css):
            self._look_up("at-rule", at_rule[1], at_rule[1], line + css.count("\n", 0, at_rule.start()))
        plain = _AT_RULE.sub(_blank, css)
        for rule in _RULE.finditer(plain):
            for part in _PSEUDO.findall(_QUOTED.sub("", rule[1])):
                self._look_up("selector", part, f"the selector {part}", line + plain.count("\n", 0, rule.end(1)))
            self._declarations(rule[2], line + plain.count("\n", 0, rule.start(2)))

    def _comment(self, data: str) -> None:
        """What stands behind `<!--[if !mso]><!-->` is not for Outlook."""
        if data.startswith("[if !mso]"):
            self._hidden_from_outlook = True
        elif data.endswith("<![endif]"):
            self._hidden_from_outlook = False

    def _declarations(self, css: str, line: int) -> None:
        for declaration in _DECLARATION.finditer(css):
            name, value = declaration[1].lower(), _QUOTED.sub("", declaration[2]).strip().lower()
            at = line + css.count("\n", 0, declaration.start(1))
            self._look_up("property", name, name, at)
            self._look_up("declaration", f"{name}:{value}", f"{name}:{value}", at)
            for kind, word, feature in _words(TOKEN.sub("", value)):
                self._look_up(kind, word, feature, at)

    def _look_up(self, kind: str, name: str, feature: str, line: int) -> None:
        clients = [CLIENTS[number] for number in _BY_KIND.get(kind, {}).get(name, ())]
        if self._hidden_from_outlook and _OUTLOOK in clients:
            clients.remove(_OUTLOOK)
        if clients:
            self.found.setdefault(feature, Unsupported(line, feature, tuple(clients)))


def _words(value: str) -> Iterator[tuple[str, str, str]]:
    for function in re.findall(r"(?<![a-z-])([a-z-]++)\(", value):
        yield "function", function, f"{function}()"
    for unit in re.findall(r"(?<![\w#.])[\d.]++([a-z]++)", value):
        yield "unit", unit, f"the unit {unit}"
    for word in re.findall(r"(?<![\w-])[a-z][a-z-]+(?![\w(-])", value):
        yield "word", word, word


def _blank(match: re.Match[str]) -> str:
    """Line ends only, so that lines can be counted."""
    return "\n" * match[0].count("\n")
