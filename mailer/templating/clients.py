"""What of a mail's HTML and CSS some of the large mail clients do not support, by caniemail's tests (`clients.json`).

A mail may ask for more than every client can do, as long as nothing is lost without it. In `@media` it does: what
stands there is left out by who does not know it. So it is not looked at, and neither are what only hints, such as
`color-scheme`, and selectors that are gone when the CSS has been inlined.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

from mailer.templating.inlining import TOKEN, put_tags_aside

FACTS = Path(__file__).with_suffix(".json")
_TABLE = json.loads(FACTS.read_text(encoding="utf-8"))
CLIENTS: list[str] = _TABLE["clients"]
#: When caniemail's data was brought up to date.
AS_OF: str = _TABLE["date"]
_BY_KIND: dict[str, dict[str, list[int]]] = _TABLE["unsupported"]
_OUTLOOK = "Outlook for Windows"
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_AT_RULE = re.compile(r"(@[\w-]+)[^{;]*(?:;|\{(?:[^{}]*\{[^{}]*\})*[^{}]*\})")
_RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
_DECLARATION = re.compile(r"\s*([\w-]+)\s*:((?:\([^()]*\)|\"[^\"]*\"|'[^']*'|[^;\"'(])*)")
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
_PSEUDO = re.compile(r"::?[\w-]+")
_PICTURE = re.compile(r"(\.\w+)(?:[?#].*)?$")


@dataclass(frozen=True)
class Unsupported:
    """A feature that a mail makes use of, and clients that have not got it."""

    line: int  #: from 1
    feature: str  #: `aspect-ratio`, `<bdi>`, `:hover`
    clients: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.feature} is not supported by {', '.join(self.clients)}"


def unsupported(html: str) -> list[Unsupported]:
    """What a mail, or a template's source, uses that is not supported everywhere; each feature once."""
    reader = _Reader()
    reader.feed(put_tags_aside(html)[1])
    reader.close()
    return list(reader.found.values())


class _Reader(HTMLParser):
    """Looks at each start tag, style attribute and style sheet on its way."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: dict[str, Unsupported] = {}
        self._in_style = self._hidden_from_outlook = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element, its attributes, the kind of its picture, and its own style."""
        line, given = self.getpos()[0], dict(attrs)
        self._in_style = tag == "style"
        self._look_up("element", tag, f"<{tag}>", line)
        self._look_up("element", f"{tag} type={given.get('type')}", f"<{tag} type={given.get('type')}>", line)
        for name in given:
            self._look_up("attribute", name, f"{name}=", line)
        if tag == "img" and (kind := _PICTURE.search(given.get("src") or "")):
            self._look_up("image", kind[1].lower(), f"{kind[1]} pictures", line)
        self._declarations(given.get("style") or "", line)

    def handle_data(self, data: str) -> None:
        """A style sheet without what stands in comments and at-rules."""
        if not self._in_style:
            return
        line = self.getpos()[0]
        css = _COMMENT.sub(_blank, data)
        for at_rule in _AT_RULE.finditer(css):
            self._look_up("at-rule", at_rule[1], at_rule[1], line + css.count("\n", 0, at_rule.start()))
        plain = _AT_RULE.sub(_blank, css)
        for rule in _RULE.finditer(plain):
            for part in _PSEUDO.findall(_QUOTED.sub("", rule[1])):
                self._look_up("selector", part, f"the selector {part}", line + plain.count("\n", 0, rule.end(1)))
            self._declarations(rule[2], line + plain.count("\n", 0, rule.start(2)))

    def handle_endtag(self, tag: str) -> None:
        """The end of a style sheet among others."""
        self._in_style = False

    def handle_comment(self, data: str) -> None:
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
    for function in re.findall(r"([a-z-]+)\(", value):
        yield "function", function, f"{function}()"
    for unit in re.findall(r"(?<![\w#])[\d.]+([a-z]+)", value):
        yield "unit", unit, f"the unit {unit}"
    for word in re.findall(r"(?<![\w-])[a-z][a-z-]+(?![\w(-])", value):
        yield "word", word, word


def _blank(match: re.Match[str]) -> str:
    """Line ends only, so that lines can be counted."""
    return "\n" * match[0].count("\n")
