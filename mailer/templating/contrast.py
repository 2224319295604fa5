"""How well a mail's text can be read: WCAG 2.2, criterion 1.4.3, by the colours in its style attributes."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree
from lxml.html import HtmlElement

from mailer.models.colours import contrast
from mailer.templating.markup import body_of

_COLOUR = re.compile(r"(?:^|;)\s*color\s*:\s*(#[0-9a-fA-F]{3,6})\b")
_GROUND = re.compile(r"(?:^|;)\s*background(?:-color)?\s*:[^;#]*(#[0-9a-fA-F]{3,6})\b")
_SIZE = re.compile(r"(?:^|;)\s*font(?:-size)?\s*:[^;]*?(?<![\d.])(\d{1,4}(?:\.\d{1,4})?)px")
_BOLD = re.compile(r"(?:^|;)\s*font(?:-weight)?\s*:[^;]*?\b(?:bold|[789]00)\b")
_HEX = re.compile(r"#[0-9a-fA-F]{3,6}")
WHITE, BLACK = "#ffffff", "#000000"


@dataclass(frozen=True)
class Faint:
    """Words that stand out too little."""

    words: str
    colour: str
    ground: str
    ratio: float
    needed: float


@dataclass(frozen=True)
class _Look:
    """How an element looks, by its own style and what it takes over from those around it."""

    colour: str = BLACK
    ground: str = WHITE
    size: float = 16
    is_bold: bool = False
    is_hidden: bool = False

    def inside(self, element: HtmlElement) -> "_Look":
        """How the element looks that stands in one that looks like this."""
        style = element.get("style", "")
        bgcolor = _HEX.fullmatch(element.get("bgcolor", ""))
        ground, size = _GROUND.search(style), _SIZE.search(style)
        colour = _COLOUR.search(style)
        return _Look(
            colour=colour[1] if colour else self.colour,
            ground=ground[1] if ground else bgcolor[0] if bgcolor else self.ground,
            size=float(size[1]) if size else self.size,
            is_bold=self.is_bold or bool(_BOLD.search(style)),
            is_hidden=self.is_hidden or "display:none" in style.replace(" ", ""),
        )

    @property
    def needed(self) -> float:
        """The contrast that WCAG asks of text in this size."""
        return 3.0 if self.size >= 24 or (self.size >= 18.66 and self.is_bold) else 4.5


def faint_texts(html: str) -> Iterator[Faint]:
    """The texts of an inlined mail whose contrast is less than 4.5:1, or 3:1 where they are large; each pair once."""
    seen: set[tuple[str, str]] = set()
    looks: dict[HtmlElement, _Look] = {}
    for element in body_of(html).iter(etree.Element):
        look = looks[element] = looks.get(element.getparent(), _Look()).inside(element)
        words = " ".join((element.text or "").split())
        if not words.strip("\u034f\u200c\u00a0 ") or look.is_hidden:
            continue
        ratio, pair = contrast(look.colour, look.ground), (look.colour, look.ground)
        if ratio < look.needed and pair not in seen:
            seen.add(pair)
            yield Faint(words[:40], *pair, ratio, look.needed)
