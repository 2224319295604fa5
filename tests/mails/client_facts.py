"""Makes `mailer/templating/clients.json` from caniemail's data, which the npm package `caniemail` carries:

`python -m tests.mails.client_facts node_modules/caniemail/data/caniemail.json`
"""

import json
import re
import sys
from collections.abc import Iterator
from typing import Any

from mailer.templating.clients import FACTS

CLIENTS = {
    ("gmail", "desktop-webmail"): "Gmail",
    ("gmail", "ios"): "Gmail for iOS",
    ("gmail", "android"): "Gmail for Android",
    ("outlook", "windows"): "Outlook for Windows",
    ("outlook", "outlook-com"): "Outlook.com",
    ("outlook", "macos"): "Outlook for Mac",
    ("outlook", "ios"): "Outlook for iOS",
    ("outlook", "android"): "Outlook for Android",
    ("apple-mail", "macos"): "Apple Mail",
    ("apple-mail", "ios"): "Apple Mail for iOS",
    ("yahoo", "desktop-webmail"): "Yahoo Mail",
    ("yahoo", "ios"): "Yahoo Mail for iOS",
    ("yahoo", "android"): "Yahoo Mail for Android",
}
#: What no mail can be without, what only hints, selectors that are gone when CSS is inlined, and other things than CSS.
_LEFT_OUT = re.compile(
    r"css-at-media.*|css-color-scheme|html-(body|doctype|meta-color-scheme)|amp|bimi"
    r"|css-selector-.*|css-pseudo-class-(not|(first|last|only|nth)-.*)"
)
#: Features whose names are not their titles.
_NAMES: dict[str, dict[str, list[str]]] = {
    "css-block-inline-size": {"property": ["block-size", "inline-size"]},
    "css-inline-size": {},
    "css-gap": {"property": ["gap", "column-gap", "row-gap"]},
    "css-left-right-top-bottom": {"property": ["left", "right", "top", "bottom"]},
    "css-grid-template": {"property": ["grid-template", "grid-template-columns", "grid-template-rows"]},
    "css-column-layout-properties": {"property": ["columns", "column-width", "column-rule", "column-span"]},
    "css-border-inline-block": {"property": ["border-inline", "border-block"]},
    "css-border-inline-block-longhand": {"property": ["border-inline-width", "border-block-width"]},
    "css-border-inline-block-individual": {"property": ["border-inline-start", "border-inline-end"]},
    "css-border-radius-logical": {"property": ["border-start-start-radius", "border-end-end-radius"]},
    "css-scroll-snap": {"property": ["scroll-snap-type", "scroll-snap-align"]},
    "css-intrinsic-size": {"word": ["fit-content", "min-content", "max-content"]},
    "css-sytem-ui": {"word": ["system-ui", "ui-serif", "ui-sans-serif", "ui-rounded", "ui-monospace"]},
    "css-modern-color": {"function": ["lch", "oklch", "lab", "oklab"]},
    "css-unit-calc": {"function": ["calc"]},
    "css-unit-initial": {"word": ["initial"]},
    "css-variables": {"function": ["var"]},
    "css-nesting": {},
    "css-pseudo-class-lang": {"selector": [":lang"]},
    "html-semantics": {
        "element": ["article", "aside", "details", "figcaption", "figure", "footer", "header", "main", "mark", "nav",
                    "section", "summary", "time"],
    },
    "html-srcset": {"attribute": ["srcset", "sizes"]},
    "html-image-maps": {"element": ["map"]},
    "html-anchor-links": {},
    "image-base64": {}, "image-mp4": {}, "image-apng": {}, "image-hdr": {},  # not to be told from an address
}  # fmt: skip


def facts_of(data: dict[str, Any]) -> dict[str, Any]:
    """The features that at least one of the clients does not support at all, by kind and name."""
    found: dict[str, dict[str, list[int]]] = {}
    names = list(CLIENTS)
    for feature in data["data"]:
        without = [names.index(client) for client in names if _is_unsupported(feature, client)]
        for kind, name in _names_of(feature) if without else ():
            found.setdefault(kind, {})[name] = without
    return {
        "source": "caniemail.com, by way of the npm package caniemail 2.0.2 (MIT)",
        "date": data["last_update_date"][:10],
        "clients": list(CLIENTS.values()),
        "unsupported": found,
    }


def _is_unsupported(feature: dict[str, Any], client: tuple[str, str]) -> bool:
    versions = feature["stats"].get(client[0], {}).get(client[1], {})
    return bool(versions) and list(versions.values())[-1].startswith("n")


def _names_of(feature: dict[str, Any]) -> Iterator[tuple[str, str]]:
    slug, title = feature["slug"], feature["title"]
    if _LEFT_OUT.fullmatch(slug):
        return
    if slug in _NAMES:
        for kind, names in _NAMES[slug].items():
            yield from ((kind, name) for name in names)
    elif slug.startswith("image-"):
        yield "image", f".{slug.removeprefix('image-')}"
    elif slug.startswith("html-"):
        yield from _of_html(title)
    else:
        yield from _of_css(title)


def _of_html(title: str) -> Iterator[tuple[str, str]]:
    if title.endswith(" attribute"):
        yield "attribute", title.removesuffix(" attribute")
    elif element := re.search(r"<(\w+)(?: type=\"(\w+)\")?>", title):
        yield "element", f"{element[1]} type={element[2]}" if element[2] else element[1]


def _of_css(title: str) -> Iterator[tuple[str, str]]:
    title = title.removesuffix(" property").strip()
    if title.startswith("@"):
        yield "at-rule", title
    elif title.startswith(":"):
        yield "selector", title.removesuffix("()")
    elif title.endswith("()"):
        yield "function", title.removesuffix("()")
    elif title.endswith(" unit"):
        yield "unit", title.removesuffix(" unit")
    elif ":" in title:
        yield "declaration", title.replace(": ", ":")
    else:
        yield from (("property", name) for name in re.findall(r"[a-z-]+", title.replace(" & ", " ")))


def main() -> None:
    """Write the table."""
    with open(sys.argv[1], encoding="utf-8") as file:  # noqa: PTH123
        facts = facts_of(json.load(file))
    text = json.dumps(facts, indent=1)
    FACTS.write_text(re.sub(r"\[\s+([\d,\s]+?)\s+\]", lambda m: "[" + " ".join(m[1].split()) + "]", text) + "\n")


if __name__ == "__main__":
    main()
