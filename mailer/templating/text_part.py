"""The text part of a mail for which nobody wrote one: made from its HTML source, the template's tags left in place."""

import re
from dataclasses import dataclass, field, replace

from lxml.html import HtmlElement

from mailer.templating.inlining import TOKEN, inline_source, put_tags_aside
from mailer.templating.markup import body_of

_BREAKS = dict.fromkeys(("p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "blockquote", "pre", "table", "hr"), 2)
_BREAKS |= dict.fromkeys(("div", "li", "tr", "br", "section", "article", "dt", "dd", "header", "footer"), 1)
_OPENS, _TURNS = (
    re.compile(r"\{%\s*(if|for|autoescape|spaceless|filter|ifchanged)\b"),
    re.compile(r"\{%\s*(else|elif|empty)\b"),
)
_CLOSES = re.compile(r"\{%\s*end(?!with)\w+")  # what is in a `with` is always there
#: Filters whose result is HTML, which a text has no use for.
_MAKES_HTML = re.compile(r"\|\s*(?:linebreaks|linebreaksbr|urlize|urlizetrunc:\d+|escape|force_escape|safe)\b")
_MARKDOWN = re.compile(r"\|\s*markdown\b(?::[\w.]+)?")
_SPACE = re.compile(r"[ \t\r\n\f\u00a0]+")


def text_of(html: str) -> str:
    """A text template that says what the HTML template says: a blank line between blocks, links with their address.

    What the mail hides (its preheader) and all style is left out. Raises TemplateError if the HTML can't be inlined.
    """
    if not html.strip():
        return "\n"
    tags, protected = put_tags_aside(inline_source(html))
    writer = _Writer(tags)
    _write(body_of(protected), writer)
    return "".join(writer.out).strip() + "\n"


def _write(element: HtmlElement, writer: "_Writer") -> None:
    if not isinstance(element.tag, str):
        writer.write(element.tail)
        return
    tag = element.tag.lower()
    if not _is_hidden(element, tag):
        writer.part(_BREAKS.get(tag, 0))
        if tag in ("td", "th"):
            writer.write(" ")
        if tag == "li":
            writer.write("* ")
        writer.write({"img": element.get("alt"), "hr": "-" * 40}.get(tag, element.text))
        for child in element:
            _write(child, writer)
        if tag == "a":
            _write_address(element, writer)
        writer.part(_BREAKS.get(tag, 0))
    writer.write(element.tail)


def _is_hidden(element: HtmlElement, tag: str) -> bool:
    return tag in ("head", "style", "script", "title") or "display:none" in element.get("style", "").replace(" ", "")


def _write_address(link: HtmlElement, writer: "_Writer") -> None:
    """In brackets within a sentence; on a line of its own where the link is all that its block says."""
    address, said = link.get("href", ""), " ".join(link.text_content().split())
    if not address or address == said or address.startswith("#"):
        return
    block = link.getparent()
    if block is not None and writer.said_in(block) == said:
        writer.part(1)
        writer.write(address)
    else:
        writer.write(f" ({address})")


@dataclass
class _Gap:
    """What stands between two words, kept back until the second comes."""

    breaks: int = 0  #: line breaks wanted
    there: int = 0  #: line breaks that are there already
    space: bool = False

    @property
    def text(self) -> str:
        return "\n" * max(0, self.breaks - self.there) or " " * (self.space and not self.there)


@dataclass
class _Writer:
    """Text that grows. Line breaks wait for words, so that none is left over where a condition leaves words out."""

    tags: list[str]
    out: list[str] = field(default_factory=list)
    gap: _Gap = field(default_factory=_Gap)
    before: list[_Gap] = field(default_factory=list)  #: what waited where each open tag began
    said: dict[HtmlElement, str] = field(default_factory=dict)  #: by blocks that links stand in

    def said_in(self, block: HtmlElement) -> str:
        if block not in self.said:
            self.said[block] = " ".join(block.text_content().split())
        return self.said[block]

    def part(self, breaks: int) -> None:
        self.gap.breaks = max(self.gap.breaks, breaks)

    def write(self, text: str | None) -> None:
        end = 0
        for token in TOKEN.finditer(text or ""):
            self._words((text or "")[end : token.start()])
            self._tag(self.tags[int(token[1])])
            end = token.end()
        self._words((text or "")[end:])

    def _words(self, text: str) -> None:
        words = _SPACE.sub(" ", text)
        if words.startswith(" "):
            self.gap.space = True
        if words.strip():
            self._say(words.strip())
            self.gap.space = words.endswith(" ")

    def _say(self, words: str) -> None:
        self.out += (self.gap.text, words)
        self.gap = _Gap()

    def _tag(self, tag: str) -> None:
        if tag.startswith("{{"):
            self._say(_MARKDOWN.sub("|markdown_text", _MAKES_HTML.sub("", tag)))
        elif tag.startswith("{%"):
            self._turn(tag)

    def _turn(self, tag: str) -> None:
        if tag.startswith(("{% for", "{%for")):
            # What stands before the first round stands before the loop; what stands between rounds ends each of them.
            self.before.append(replace(self.gap))
            self.out.append(self.gap.text)
            self.gap = _Gap(there=max(self.gap.breaks, self.gap.there))
        elif _OPENS.match(tag):
            self.before.append(replace(self.gap))
        elif _TURNS.match(tag) and self.before:
            self.gap = replace(self.before[-1])
        elif _CLOSES.match(tag) and self.before:
            waited = self.before.pop()
            if tag.startswith(("{% endfor", "{%endfor")):
                if waited.breaks or waited.there:
                    self.out.append("\n" * max(0, self.gap.breaks - self.gap.there))
                    self.gap = _Gap(there=max(self.gap.breaks, self.gap.there))
            else:
                self.gap.breaks = max(self.gap.breaks, waited.breaks)
                self.gap.space |= waited.space
                self.gap.there = min(self.gap.there, waited.there)
        self.out.append(tag)
