"""Reads RSS and Atom: whatever programs write under these names, as plain entries that a digest can show."""

import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from time import struct_time
from typing import Any
from urllib.parse import urljoin, urlsplit

import feedparser
import nh3

#: Entries of one reading; the newest, as the feed gives them.
MOST_ENTRIES = 200
#: Characters of what is kept of an entry; an item's columns hold them.
LONGEST_TITLE, LONGEST_SUMMARY, LONGEST_LINK, LONGEST_CATEGORY = 300, 700, 800, 100
_BLOCK = re.compile(r"<(?=/?(?:p|div|br|li|ul|ol|h[1-6]|tr|td|th|table|blockquote|pre|hr|figure|section)\b)", re.I)
_MARKS = re.compile(r"([\\`*_\[\]<>#|~])")
_AT_START = re.compile(r"^(\d{1,9})([.)])(?=\s)|^([-+=])")
_PICTURE = re.compile(r"\.(?:png|jpe?g|webp|gif)$", re.I)


class NoFeed(Exception):
    """What came is no feed; the message says what it is, as far as one can tell."""


@dataclass(frozen=True)
class Entry:
    """One entry, its texts plain; `summary` as Markdown in which nothing is marked."""

    mark: str  #: the same for the same entry of the same feed
    title: str
    link: str = ""
    summary: str = ""
    image: str = ""
    category: str = ""
    published_at: datetime | None = None  #: not later than now


@dataclass(frozen=True)
class ReadFeed:
    """A feed as it was read, newest first where its entries have times."""

    title: str
    entries: list[Entry]


def read_feed(body: bytes, headers: Mapping[str, str], url: str, now: datetime) -> ReadFeed:
    """The feed in the body of an answer from the address, with its headers by lower-case name. Raises NoFeed."""
    told = {"content-type": headers.get("content-type", ""), "content-location": url}
    parsed = feedparser.parse(body, response_headers=told, resolve_relative_uris=False, sanitize_html=False)
    if not parsed.get("version"):
        raise NoFeed(_what_it_is(body, url))
    entries = {
        entry.mark: entry for raw in parsed.entries[:MOST_ENTRIES] if (entry := _read_entry(raw, url, now)) is not None
    }
    newest = sorted(entries.values(), key=lambda entry: entry.published_at or now, reverse=True)
    return ReadFeed(plain_text(parsed.feed.get("title", ""))[:200], newest)


def plain_text(markup: str) -> str:
    """The words of a piece of HTML, on one line."""
    bare = nh3.clean(_BLOCK.sub(" <", markup), tags=set(), clean_content_tags={"script", "style"})
    return " ".join(html.unescape(bare).replace("\x00", "").split())


def as_markdown(text: str) -> str:
    """The text so that Markdown shows just this."""
    escaped = _MARKS.sub(r"\\\1", text)
    return _AT_START.sub(lambda found: f"{found[1]}\\{found[2]}" if found[1] else f"\\{found[3]}", escaped)


def _read_entry(raw: Any, url: str, now: datetime) -> Entry | None:
    """None for one that has nothing to show."""
    link = _web_address(raw.get("link", ""), url)
    summary = plain_text(_summary(raw))
    title = plain_text(raw.get("title", "")) or summary
    if not title:
        return None
    tags = [plain_text(tag.get("term") or "") for tag in raw.get("tags", [])]
    return Entry(
        mark=sha256((raw.get("id") or link or title).encode("utf-8", "replace")).hexdigest()[:32],
        title=_cut(title, LONGEST_TITLE),
        link=link,
        summary=as_markdown(_cut(summary, LONGEST_SUMMARY)) if summary != title else "",
        image=next(filter(None, _pictures(raw, url)), ""),
        category=next(filter(None, tags), "")[:LONGEST_CATEGORY],
        published_at=_moment(raw, now),
    )


def _summary(raw: Any) -> str:
    if raw.get("summary"):
        return str(raw["summary"])
    return next((str(part.get("value") or "") for part in raw.get("content", [])), "")


def _pictures(raw: Any, url: str) -> Iterator[str]:
    for each in raw.get("media_thumbnail", []):
        yield _web_address(each.get("url") or "", url)
    for each in [*raw.get("media_content", []), *raw.get("enclosures", [])]:
        address = _web_address(each.get("url") or each.get("href") or "", url)
        kind = each.get("type") or each.get("medium") or ""
        if kind.startswith("image") or (not kind and _PICTURE.search(urlsplit(address).path)):
            yield address


def _web_address(text: str, base: str) -> str:
    """Absolute; empty for what is none, or too long to be kept whole."""
    try:
        address = urljoin(base, text.strip())
        parts = urlsplit(address)
    except ValueError:
        return ""
    usable = parts.scheme in {"http", "https"} and parts.hostname and address.isprintable() and " " not in address
    return address if text.strip() and usable and len(address) <= LONGEST_LINK else ""


def _moment(raw: Any, now: datetime) -> datetime | None:
    """A clock that goes ahead must not keep an entry back."""
    for name in ("published_parsed", "updated_parsed"):
        told = dict.get(raw, name)  # the library's own way takes one for the other
        if isinstance(told, struct_time):
            try:
                return min(datetime(*told[:6], tzinfo=UTC), now)
            except (ValueError, OverflowError):
                continue
    return None


def _cut(text: str, length: int) -> str:
    if len(text) <= length:
        return text
    return f"{text[:length].rsplit(' ', 1)[0].rstrip(' ,.;:–-')[: length - 1]}…"


def _what_it_is(body: bytes, url: str) -> str:
    if b"<html" not in body[:5_000].lower():
        return "This is neither RSS nor Atom."
    for tag in re.findall(rb"<link\b[^>]{1,500}>", body[:200_000], re.I):
        if re.search(rb"application/(?:rss|atom)\+xml", tag, re.I) and (
            found := re.search(rb"href=[\"']?([^\"'> ]+)", tag)
        ):
            feed = _web_address(html.unescape(found[1].decode("utf-8", "replace")), url)
            return f"This is a web page. Its feed is at {feed}" if feed else "This is a web page."
    return "This is a web page, and it names no feed."
