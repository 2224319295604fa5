"""A summary's Markdown is safe, short and the same by both ways."""

import re
import time
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.templating import markdown as module
from mailer.templating.compile import compile_sources
from mailer.templating.compose import compose
from mailer.templating.markdown import MOST_CHARACTERS, markdown, markdown_text

ATTACKS = [
    "<script>alert(1)</script>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java&#115;cript:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x]( javascript:alert(1))",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "[x](vbscript:x)",
    "[x](file:///etc/passwd)",
    "<javascript:alert(1)>",
    "<data:text/html,x>",
    "![x](https://tracker.example/p.gif)",
    "![x](javascript:alert(1))",
    "[![x](https://tracker.example/p.gif)](https://a.example/)",
    '<img src=x onerror="alert(1)">',
    '[x](https://a.example/" onmouseover="alert(1))',
    '[x](https://a.example/ "t\\" onmouseover=\\"alert(1)")',
    "<a href='https://a.example' style='position:fixed'>x</a>",
    "[x][r]\n\n[r]: javascript:alert(1)",
    "`<script>alert(1)</script>`",
    "    <script>alert(1)</script>",
    "{{ recipient.email }}{% now 'Y' %}",
    "</p></td></table><style>*{display:none}</style>",
    "**<svg/onload=alert(1)>**",
]
ELEMENTS = {"p", "br", "strong", "em", "code", "blockquote", "ul", "ol", "li", "a"}


class Tags(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))


def assert_safe(html: str) -> None:
    for tag, attributes in Tags(html).tags:
        assert tag in ELEMENTS
        assert attributes.keys() <= ({"href", "style"} if tag == "a" else {"style"})
        assert re.match(r"https?:|mailto:", attributes.get("href") or "https:")
        assert attributes.get("style") in {None, *module._STYLES.values(), "color:#14566b"}


@pytest.mark.parametrize("text", ATTACKS)
def test_no_attack_becomes_more_than_words(text: str):
    assert_safe(markdown(text, "#14566b"))


@given(
    st.lists(
        st.sampled_from([*ATTACKS, "[", "](", ")", "<", ">", '"', "'", "*", "_", "`", "\\", "&", "\n", "- ", "> ", "x"])
    )
)
def test_no_mixture_of_attacks_becomes_more_than_words(pieces: list[str]):
    assert_safe(markdown("".join(pieces), "#14566b"))


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_the_short_way_gives_what_the_long_way_gives(text: str):
    shown = module._shortened(text)
    if shown and module._unmarked(text) is not None:
        rendered = module._PARSER.renderer.render(module._tokens(shown), module._PARSER.options, {})
        assert markdown(text, "#14566b") == module._sanitised(rendered, "#14566b")
        assert markdown_text(text) == module._words.__wrapped__(text)


def test_what_a_mail_has_use_for_is_shown():
    shown = markdown("**Forty** benches, *and* a [map](https://a.example/?a=1&b=2)\n\n- one\n- `two`", "#14566b")
    assert "<strong>Forty</strong> benches, <em>and</em> a " in shown
    assert '<a href="https://a.example/?a=1&amp;b=2" style="color:#14566b">map</a>' in shown
    assert [tag for tag, _ in Tags(shown).tags].count("li") == 2


def test_the_text_part_has_words_without_their_marks_and_links_with_their_address():
    text = "# News\n\n**Forty** benches and a [map](https://a.example/).\n\n1. one\n2. two\n   - three\n\n> said"
    assert markdown_text(text) == (
        "News\n\nForty benches and a map (https://a.example/).\n\n1. one\n2. two\n  * three\n\nsaid"
    )
    assert markdown_text("<https://a.example/>") == "https://a.example/"


def test_a_colour_that_is_none_is_left_out():
    assert 'style="color' not in markdown("[x](https://a.example/)", "red;position:fixed")


@pytest.mark.parametrize(
    "text",
    ["[" * 100_000, "*a " * 50_000, "`" * 100_000, ">" * 100_000, "- " * 50_000, "[a](" * 50_000, "**x*_" * 40_000,
     "".join("  " * depth + "- a\n" for depth in range(400)), "![" * 90_000, "&#x" * 60_000, "<" * 100_000],
    ids=lambda text: text[:4],
)  # fmt: skip
def test_huge_and_nested_text_costs_little_and_stays_small(text: str):
    begun = time.process_time()
    html = markdown(text)
    assert time.process_time() - begun < 0.5
    assert len(html) < 8 * MOST_CHARACTERS


def test_a_long_text_ends_at_a_word_and_not_within_a_link():
    text = "word " * 198 + "[a link](https://a.example/that/is/long/enough) and more"
    shown = markdown_text(text)
    assert shown.endswith("word …")
    assert "[a" not in shown


def test_a_summary_is_rendered_once_a_composition_and_not_once_a_recipient():
    html = "<div>{{ item.summary|markdown }}{{ recipient.name }}</div>"
    compiled = compile_sources("s", html, "{{ item.summary|markdown_text }}")
    composition = compose(compiled, {"item": {"summary": "**x** & y"}})
    before = module._html.cache_info()
    first = composition.merge({"recipient": {"name": "A"}, "links": {}})
    assert module._html.cache_info() == before
    assert "<strong>x</strong> &amp; y" in first.html
    assert first.text == "x & y\n"
