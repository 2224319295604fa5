"""How well a mail's text can be read: WCAG 2.2, criterion 1.4.3, by the colours in its style attributes."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from lxml import html as lxml_html
from lxml.html import HtmlElement

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


def contrast(one: str, other: str) -> float:
    """Of two colours such as `#14566b`: from 1 (the same) to 21 (black on white)."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    digits = colour.lstrip("#")
    digits = "".join(digit * 2 for digit in digits) if len(digits) == 3 else digits.ljust(6, "0")
    channels = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    red, green, blue = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


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
