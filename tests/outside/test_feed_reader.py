"""Feeds as programs really write them become plain entries; what is hostile costs seconds and shows nothing."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.outside.feed_child import read_feed_apart
from mailer.outside.feed_reader import Entry, NoFeed, as_markdown, plain_text, read_feed
from mailer.templating.markdown import markdown

NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)
HOME = "https://news.example.org/feed.xml"


def rss(*items: str, title: str = "News") -> bytes:
    joined = "".join(f"<item>{item}</item>" for item in items)
    names = 'xmlns:media="http://search.yahoo.com/mrss/" xmlns:content="http://purl.org/rss/1.0/modules/content/"'
    return f'<?xml version="1.0"?><rss version="2.0" {names}><channel><title>{title}</title>{joined}</channel></rss>'.encode()


def one(item: str) -> Entry:
    return read_feed(rss(item), {}, HOME, NOW).entries[0]


def test_an_entry_is_read_with_all_that_a_digest_shows():
    entry = one(
        "<guid>7</guid><title>Bread &amp;amp; butter</title><link>/7</link><category>Food</category>"
        "<description>&lt;p&gt;Two&lt;/p&gt;&lt;p&gt;words*&lt;/p&gt;&lt;script&gt;x()&lt;/script&gt;</description>"
        '<media:thumbnail url="/7.png"/><pubDate>Mon, 23 Nov 2026 10:00:00 +0100</pubDate>'
    )
    assert entry.title == "Bread & butter"
    assert entry.link == "https://news.example.org/7"
    assert entry.summary == "Two words\\*"
    assert entry.image == "https://news.example.org/7.png"
    assert entry.category == "Food"
    assert entry.published_at == datetime(2026, 11, 23, 9, tzinfo=UTC)


def test_atom_is_read_too_and_the_newest_comes_first():
    body = """<feed xmlns="http://www.w3.org/2005/Atom"><title>Notes</title>
    <entry><id>a</id><title>Old</title><updated>2026-11-20T08:00:00Z</updated><link href="https://example.org/a"/></entry>
    <entry><id>b</id><title type="html">&lt;b&gt;New&lt;/b&gt;</title><updated>2026-11-22T08:00:00+02:00</updated></entry></feed>"""
    read = read_feed(body.encode(), {}, HOME, NOW)
    assert (read.title, [entry.title for entry in read.entries]) == ("Notes", ["New", "Old"])


def test_a_clock_that_goes_ahead_keeps_no_entry_back():
    assert one("<title>Soon</title><pubDate>Fri, 01 Jan 2100 00:00:00 GMT</pubDate>").published_at == NOW
    assert one("<title>When?</title><pubDate>the day after</pubDate>").published_at is None


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", "data:text/html,x", "mailto:a@example.org", "https://", "", "http://[x"]
)
def test_what_is_no_web_address_is_no_link(link: str):
    assert one(f"<title>Click</title><link>{link}</link>").link in ("", HOME)


def test_entries_without_an_id_are_known_again_by_their_link_or_else_their_title():
    first, again = (one(f"<title>{title}</title><link>https://example.org/1</link>") for title in ("A", "B"))
    assert first.mark == again.mark
    assert one("<title>A</title>").mark != one("<title>B</title>").mark


def test_the_same_entry_twice_is_one_and_an_empty_one_is_none():
    same = "<guid>1</guid><title>A</title>"
    assert len(read_feed(rss(same, same, "", "<title> </title>"), {}, HOME, NOW).entries) == 1


def test_an_entry_without_a_title_is_called_by_its_words():
    entry = one("<description>Rain, all day, everywhere</description>")
    assert (entry.title, entry.summary) == ("Rain, all day, everywhere", "")


def test_a_long_text_is_cut_between_words():
    entry = one(f"<title>{'word ' * 100}</title><description>{'more, ' * 400}</description>")
    assert len(entry.title) <= 300
    assert entry.title.endswith("word…")
    assert len(entry.summary) <= 700


def test_encodings_are_found_out():
    body = '<?xml version="1.0" encoding="iso-8859-1"?><rss version="2.0"><channel><item><title>Größe</title></item></channel></rss>'
    assert read_feed(body.encode("latin-1"), {}, HOME, NOW).entries[0].title == "Größe"
    assert (
        read_feed(rss("<title>Größe</title>"), {"content-type": "text/xml; charset=utf-8"}, HOME, NOW).entries[0].title
        == "Größe"
    )


def test_a_broken_feed_gives_what_can_be_read_of_it():
    body = rss("<title>Whole</title>", "<title>Half & half</title>")[:-20]
    assert [entry.title for entry in read_feed(body, {}, HOME, NOW).entries] == ["Whole", "Half & half"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "neither RSS nor Atom"),
        (b'{"items": []}', "neither RSS nor Atom"),
        (b"<html><body>Hello", "names no feed"),
        (
            b'<html><link rel="alternate" type="application/rss+xml" href="/rss">',
            "Its feed is at https://news.example.org/rss",
        ),
        (b'<html><link type="application/atom+xml" href="javascript:x">', "This is a web page."),
    ],
)
def test_what_is_no_feed_is_told_and_where_there_is_one(body: bytes, words: str):
    with pytest.raises(NoFeed, match=words):
        read_feed(body, {}, HOME, NOW)


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=200))
def test_whatever_an_entry_says_markdown_shows_just_that(text: str):
    shown = plain_text(markdown(as_markdown(" ".join(text.split())), "#14566b"))
    assert shown == " ".join(text.split())


def test_no_file_of_ours_is_read_and_no_entity_grows():
    entity = b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
    read = read_feed(entity + rss("<title>&a;</title>", "<title>b</title>")[21:], {}, HOME, NOW)
    assert all("root:" not in entry.title for entry in read.entries)
    bomb = b"".join(b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 20) for n in range(9))
    head = b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "' + b"x" * 1_000 + b'">' + bomb + b"]>"
    assert len(read_feed(head + rss("<title>&j;</title>")[21:], {}, HOME, NOW).entries[0].title) < 300


@pytest.mark.long
def test_what_takes_the_parser_minutes_is_given_up_and_the_same_feed_reads_the_same_apart():
    good = rss("<guid>1</guid><title>A</title><pubDate>Mon, 23 Nov 2026 10:00:00 GMT</pubDate>", "<title>B</title>")
    assert read_feed_apart(good, {}, HOME, NOW) == read_feed(good, {}, HOME, NOW)
    with pytest.raises(NoFeed, match="neither"):
        read_feed_apart(b"nothing", {}, HOME, NOW)
    deep = rss(f"<title>a</title><description>{'&lt;div&gt;' * 200_000}</description>")
    with pytest.raises(NoFeed, match="within ten seconds"):
        read_feed_apart(deep, {}, HOME, NOW)
