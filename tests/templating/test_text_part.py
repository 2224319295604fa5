"""The text part that is made from the HTML says the same, with the template's tags where they were."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.templating.authoring import put_together
from mailer.templating.check import check_sources
from mailer.templating.plain_data import hydrate
from mailer.templating.sandbox import parse, render
from mailer.templating.sync import read_sources, template_folders
from mailer.templating.text_part import text_of


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>One</p><p>Two</p>", "One\n\nTwo\n"),
        ("<h1>Title</h1>\n  <p>Text <b>bold</b> &amp; more</p>", "Title\n\nText bold & more\n"),
        ("<ul><li>One</li><li>Two</li></ul>", "* One\n* Two\n"),
        ('<p>See <a href="https://x.example/a">this</a>.</p>', "See this (https://x.example/a).\n"),
        ('<p><a href="https://x.example/a">Open it</a></p>', "Open it\nhttps://x.example/a\n"),
        ('<p><a href="https://x.example/a">https://x.example/a</a></p>', "https://x.example/a\n"),
        ('<p><img src="a.png" alt="A bridge"> and <img src="b.png" alt=""></p>', "A bridge and\n"),
        ('<style>.h{display:none}</style><div class="h">Preheader</div><p>Text</p>', "Text\n"),
        ("<p>One<br>Two</p><hr><p>Three</p>", "One\nTwo\n\n" + "-" * 40 + "\n\nThree\n"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc\n"),
        ("", "\n"),
    ],
)
def test_html_becomes_text(html: str, text: str):
    assert text_of(html) == text


@pytest.mark.parametrize(
    ("html", "context", "text"),
    [
        ("<p>A</p>{% if x %}<p>B</p>{% endif %}<p>C</p>", {"x": 0}, "A\n\nC"),
        ("<p>A</p>{% if x %}<p>B</p>{% endif %}<p>C</p>", {"x": 1}, "A\n\nB\n\nC"),
        ("<p>A</p>{% if x %}<p>B</p>{% else %}<p>D</p>{% endif %}", {"x": 0}, "A\n\nD"),
        ("<ul>{% for one in x %}<li>{{ one }}</li>{% endfor %}</ul><p>C</p>", {"x": ["a", "b"]}, "* a\n* b\n\nC"),
        ("<p>Hi{% if x %} {{ x }}{% endif %}, you</p>", {"x": ""}, "Hi, you"),
        ("<p>Hi{% if x %} {{ x }}{% endif %}, you</p>", {"x": "Ada"}, "Hi Ada, you"),
    ],
)
def test_what_a_condition_leaves_out_leaves_no_gap(html: str, context: dict[str, object], text: str):
    assert render(parse(text_of(html)), context, autoescape=False).strip() == text


@pytest.mark.parametrize("folder", template_folders(), ids=lambda folder: folder.name)
def test_the_shipped_mails_would_read_well_without_a_written_text(folder: Path):
    sources = read_sources(folder)
    written = sources.languages[""]
    together = put_together(type(written)(written.subject, written.html))
    text = check_sources(*together.parts, hydrate(sources.sample)).text
    assert "\n\n\n" not in text
    assert "<" not in text
    assert sources.sample["links"]["unsubscribe"] in text


WORDS = st.sampled_from(["<p>g{{ a }}</p>", "<h2>b</h2>", "<ul><li>c</li><li>d</li></ul>", "e", "f<br>"])
CHOICE = st.tuples(WORDS, WORDS).map(lambda both: f"{{% if a %}}{both[0]}{{% else %}}{both[1]}{{% endif %}}")
LOOP = WORDS.map(lambda words: f"{{% for one in all %}}{words}{{% endfor %}}")


@given(st.lists(WORDS | CHOICE | LOOP, max_size=6).map("".join))
def test_no_filling_leaves_two_empty_lines_or_runs_blocks_together(html: str):
    for value in ("", "word"):
        context = {"a": value, "all": ["x", "y"]}
        text = render(parse(text_of(html)), context, autoescape=False).strip()
        assert "\n\n\n\n" not in text
        assert "bb" not in text
        assert "* c* d" not in text


def test_a_summarys_markdown_is_plain_in_the_text():
    text = text_of("<p>{{ item.summary|markdown:list.accent }}</p>")
    context = {"item": {"summary": "**x** & [y](https://a.example/)"}}
    assert render(parse(text), context, autoescape=False).strip() == "x & y (https://a.example/)"


def test_a_name_that_is_set_leaves_no_gap():
    html = "<p>a</p>{% with b='b' %}{% for one in all %}<p>{{ b }}</p>{% endfor %}{% endwith %}<p>c</p>"
    assert render(parse(text_of(html)), {"all": [1, 2]}, autoescape=False).strip() == "a\n\nb\n\nb\n\nc"
