"""How well a mail's text can be read: WCAG 2.2, criterion 1.4.3, by the colours in its style attributes."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from lxml import html as lxml_html
from lxml.html import HtmlElement

from mailer.models.colours import contrast

_COLOUR = re.compile(r"(?:^|;)\s*color\s*:\s*(#[0-9a-fA-F]{3,6})\b")
_GROUND = re.compile(r"(?:^|;)\s*background(?:-color)?\s*:[^;]*?(#[0-9a-fA-F]{3,6})\b")
_SIZE = re.compile(r"(?:^|;)\s*font(?:-size)?\s*:[^;]*?(\d+(?:\.\d+)?)px")
_BOLD = re.compile(r"(?:^|;)\s*font(?:-weight)?\s*:[^;]*?\b(?:bold|[789]00)\b")
WHITE, BLACK = "#ffffff", "#000000"


@dataclass(frozen=True)
class Faint:
    """Words that stand out too little."""

    words: str
    colour: str
    ground: str
    ratio: float
    needed: float


def faint_texts(html: str) -> Iterator[Faint]:
    """The texts of an inlined mail whose contrast is less than 4.5:1, or 3:1 where they are large; each pair once."""
    seen: set[tuple[str, str]] = set()
    body = lxml_html.document_fromstring(html or "<p></p>").find("body")
    for element in body.iter() if body is not None else ():
        words = " ".join((element.text or "").split()) if isinstance(element.tag, str) else ""
        if not words.strip("\u034f\u200c\u00a0 ") or _is_hidden(element):
            continue
        colour, ground = _nearest(element, _COLOUR, BLACK), _nearest(element, _GROUND, WHITE, "bgcolor")
        ratio, needed = contrast(colour, ground), _needed(element)
        if ratio < needed and (colour, ground) not in seen:
            seen.add((colour, ground))
            yield Faint(words[:40], colour, ground, ratio, needed)


def _needed(element: HtmlElement) -> float:
    size = float(_nearest(element, _SIZE, "16"))
    bold = any(_BOLD.search(each.get("style", "")) for each in (element, *element.iterancestors()))
    return 3.0 if size >= 24 or (size >= 18.66 and bold) else 4.5


def _nearest(element: HtmlElement, pattern: re.Pattern[str], otherwise: str, attribute: str = "") -> str:
    for each in (element, *element.iterancestors()):
        if found := pattern.search(each.get("style", "")):
            return found[1]
        if attribute and re.fullmatch(r"#[0-9a-fA-F]{3,6}", each.get(attribute, "")):
            return str(each.get(attribute))
    return otherwise


def _is_hidden(element: HtmlElement) -> bool:
    return any("display:none" in each.get("style", "").replace(" ", "") for each in (element, *element.iterancestors()))
