"""What a style sheet may cost: cssutils and premailer can't be stopped, so it is reckoned before they are asked."""

import re
from dataclasses import dataclass

from lxml.html import HtmlElement

from mailer.templating.parser import TemplateError

MAX_CSS, MAX_BLOCKS, MAX_RULES_NESTED, MAX_AT, MAX_PARTS = 30_000, 500, 3, 100, 5
#: What matching all selectors with all elements may take; what is found costs several times as much again.
MAX_MATCHING = 150_000
_PARTS = re.compile(r"[\s>+~]+")
_BY_NEIGHBOUR = re.compile(r"[+~]|:(?!root|hover|link|visited|active|focus)")


@dataclass(frozen=True)
class Shape:
    """What matching costs by: how many elements a mail has, how deep they nest, how many are neighbours."""

    elements: int
    depth: int
    neighbours: int


def check_styles(root: HtmlElement) -> None:
    """Raise TemplateError for style sheets that would take too long to be inlined in this mail."""
    sheets = {style: str(style.text or "") for style in root.iter("style")}
    css = "\n".join(sheets.values())
    for style, own in sheets.items():
        if reason := _why_not(own) or (_why_not(css) if len(sheets) > 1 else ""):
            raise TemplateError(f"body.html, line {style.sourceline or 1}: {reason}")
    shape = shape_of(root)
    if sum(_matching(selector, shape) for selector in selectors_in(css)) > MAX_MATCHING:
        raise TemplateError("The style sheet has too many selectors, or too long ones, for a mail of so many elements.")


def _why_not(css: str) -> str:
    """Why the style sheet can't be used, in a sentence; nothing if it can."""
    if len(css) > MAX_CSS:
        return f"A style sheet can have up to {MAX_CSS // 1000} KB."
    if css.count("{") > MAX_BLOCKS or css.count("@") > MAX_AT:
        return f"A style sheet can have up to {MAX_BLOCKS} rules, {MAX_AT} of them with @."
    if "@import" in css.lower():
        return "@import may not stand in a mail."
    depth = 0
    for brace in re.findall(r"[{}]", css):
        depth = max(0, depth + (1 if brace == "{" else -1))
        if depth > MAX_RULES_NESTED:
            return "The style sheet nests too deeply: check its braces."
    return ""


def shape_of(root: HtmlElement) -> Shape:
    """Counted once."""
    depths: dict[HtmlElement, int] = {}
    children: dict[HtmlElement, int] = {}
    for element in root.iter():
        above = element.getparent()
        depths[element] = 0 if above is None else depths[above] + 1
        if above is not None:
            children[above] = children.get(above, 0) + 1
    return Shape(len(depths), max(depths.values()), max(children.values(), default=0))


def selectors_in(css: str) -> list[str]:
    """The selectors, and what else stands before a brace."""
    return [each for before in css.split("{")[:-1] for each in re.split("[}]", before)[-1].split(",")]


def _matching(selector: str, shape: Shape) -> float:
    """Microseconds, roughly: one for each element, and for each further part one for what it has to look at."""
    parts = len(_PARTS.split(selector.strip()))
    around = shape.depth + (shape.neighbours if _BY_NEIGHBOUR.search(selector) else 0)
    return shape.elements * (1 + (parts - 1) * around * (1 if parts < MAX_PARTS else 3))
