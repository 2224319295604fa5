"""A mail's HTML as a tree, and what may not be in it: what runs, what loads, and more than a mail can hold."""

import re
from collections.abc import Iterator

from lxml import html as lxml_html
from lxml.etree import LxmlError
from lxml.html import HtmlElement

from mailer.templating.parser import TemplateError

MAX_ELEMENTS, MAX_NESTING, MAX_ATTRIBUTES, MAX_STYLE = 5_000, 100, 100, 2_000
_FORBIDDEN = frozenset(
    {"script", "base", "form", "iframe", "frame", "frameset", "object", "embed", "applet", "link", "portal"}
)
_RUNS = re.compile(r"(?:javascript|vbscript|data:text)", re.IGNORECASE)
_BLANKS = re.compile(r"[\x00-\x20]+")


def document(html: str) -> HtmlElement:
    """The root of the mail's tree; of an empty page for what is none."""
    # Bytes, because a text that begins with an XML declaration is refused.
    parser = lxml_html.HTMLParser(encoding="utf-8")
    try:
        return lxml_html.document_fromstring(html.replace("\x00", "").encode("utf-8", "replace"), parser=parser)
    except (LxmlError, ValueError, AssertionError):
        return lxml_html.document_fromstring("<p></p>")


def body_of(html: str) -> HtmlElement:
    """The mail's body; an empty one where there is none."""
    found = document(html).find("body")
    return document("<p></p>").find("body") if found is None else found


def check_markup(root: HtmlElement) -> None:
    """Raise TemplateError, with the line, for a source that holds too much or what may not be in a mail."""
    depths: dict[HtmlElement, int] = {}
    for number, element in enumerate(root.iter()):
        above = element.getparent()
        depths[element] = 0 if above is None else depths[above] + 1
        reason = _why_not(element)
        if number > MAX_ELEMENTS:
            reason = f"More than {MAX_ELEMENTS:,} elements are more than a mail can hold."
        if len(element.attrib) > MAX_ATTRIBUTES:
            reason = f"An element can have up to {MAX_ATTRIBUTES} attributes."
        if depths[element] > MAX_NESTING:
            reason = f"Elements nest more than {MAX_NESTING} deep."
        if reason:
            raise TemplateError(f"body.html, line {element.sourceline or 1}: {reason}")


def check_filled(html: str) -> None:
    """Raise TemplateError for what came to be an element that may not be in a mail only when tags were filled."""
    for element in document(html).iter():
        if reason := _why_not(element):
            raise TemplateError(f"When it is filled: {reason}")


def _why_not(element: HtmlElement) -> str:
    """Why the element may not be in a mail, in a sentence; nothing if it may."""
    if not isinstance(element.tag, str):
        return ""
    tag = element.tag.lower()
    if tag in _FORBIDDEN or (tag == "meta" and element.get("http-equiv", "").strip().lower() == "refresh"):
        return f"<{tag}> may not stand in a mail."
    return next(_faulty_attributes(element), "")


def _faulty_attributes(element: HtmlElement) -> Iterator[str]:
    for name, value in element.attrib.items():
        if name.lower().startswith("on"):
            yield f"{name[:20]} may not stand in a mail: nothing runs in one."
        if name != "style" and _RUNS.match(_BLANKS.sub("", value[:200])):
            yield f"{name[:20]} leads to a program: nothing runs in a mail."
        if name == "style" and len(value) > MAX_STYLE:
            yield f"A style attribute can have up to {MAX_STYLE:,} characters."
