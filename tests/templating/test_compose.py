"""Composed once and merged for each is the same as rendered and inlined for each."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import html as lxml_html

from mailer.templating.authoring import put_together
from mailer.templating.check import check_sources
from mailer.templating.compile import CompiledTemplate, compile_sources
from mailer.templating.compose import Rendered, compose
from mailer.templating.inlining import inline_rendered, inline_source
from mailer.templating.personal import PERSONAL
from mailer.templating.preview import hydrate
from mailer.templating.sandbox import TemplateError, UnknownVariable, parse, render
from mailer.templating.sync import read_sources, template_folders

PEOPLE = [
    {"email": "ada@example.org", "name": "Ada", "first_name": "Ada", "attributes": {"plan": "pro"}},
    {"email": "o@example.org", "name": "O'Neil & <Co>", "first_name": "", "attributes": {}},
    {"email": "z@example.org", "name": "זואי ✨", "first_name": "זואי", "attributes": {"plan": "<b>"}},
]
LINKS = {"unsubscribe": "https://x.example/u?a=1&b=2", "preferences": "", "view": ""}


def as_tree(source: str) -> list[Any]:
    """The parsed mail as nested lists, white space folded: premailer writes entities its own way."""

    def node(element: Any) -> list[Any]:
        texts = [" ".join((text or "").split()) for text in (element.text, element.tail)]
        return [str(element.tag), sorted(element.attrib.items()), texts, [node(child) for child in element]]

    return node(lxml_html.document_fromstring(source))


def with_nothing_shared(compiled: CompiledTemplate, context: dict[str, Any]) -> Rendered:
    return compose(compiled, {}, frozenset(context)).merge(context)


@pytest.mark.parametrize("folder", template_folders(), ids=lambda folder: folder.name)
@pytest.mark.parametrize("person", PEOPLE, ids=lambda person: person["email"])
def test_a_shipped_mail_is_the_same_inlined_before_and_after_rendering(folder, person: dict[str, Any]):
    sources = put_together(read_sources(folder).languages[""]).parts
    context = hydrate(read_sources(folder).sample) | {"recipient": person, "links": LINKS}
    shared = {name: value for name, value in context.items() if name not in PERSONAL}
    merged = compose(compile_sources(*sources), shared).merge({"recipient": person, "links": LINKS})
    assert as_tree(merged.html) == as_tree(inline_rendered(render(parse(sources.html), context, autoescape=True)))
    assert merged.subject == " ".join(render(parse(sources.subject), context, autoescape=False).split())
    assert merged.text.strip() == render(parse(sources.text), context, autoescape=False).strip()


PIECES = st.sampled_from(
    [
        "<p class=a>{{ recipient.name }}</p>",
        "<p>{{ recipient.attributes.plan|default:'free'|upper }}</p>",
        '<a href="https://x.example/{{ recipient.email|urlencode }}?n={{ count }}">{{ list.name }}</a>',
        "{% for item in items %}<p>{{ forloop.counter }} {{ item.title }} {{ recipient.first_name }}</p>{% endfor %}",
        "{% for item in items %}<b>{{ item.title|upper }}</b>{% empty %}<i>none</i>{% endfor %}",
        "{% if recipient.first_name %}<b>{{ recipient.first_name }}</b>{% else %}<i>you, {{ count }}</i>{% endif %}",
        "{% if count > 1 %}<p>{{ recipient.name }} has many</p>{% elif count %}<p>one</p>{% else %}<p>none</p>{% endif %}",
        "{% with plan=recipient.attributes.plan|default:'-' total=count %}<p>{{ plan }} of {{ total }}</p>{% endwith %}",
        "{% with total=count %}<p>{{ total }} {{ recipient.email }}</p>{% endwith %}",
        "{% firstof recipient.first_name list.name as who %}<p>{{ who }}</p>",
        "{% for item in items %}<p>{% cycle 'odd' 'even' %} {{ item.title }}</p>{% endfor %}",
        "{% spaceless %}<p> <b>{{ recipient.name }}</b> </p>{% endspaceless %}",
        "{% if links.unsubscribe %}<a href='{{ links.unsubscribe }}'>{{ list.name }}</a>{% else %}none{% endif %}",
        "{% if links.view or count and not links.preferences %}<p>{{ recipient.email }}</p>{% endif %}",
        "{% if links.unsubscribe == 'x' %}<p>x</p>{% endif %}",
        "{# nothing #}{% comment %}{{ recipient.name }}{% endcomment %}",
    ]
)


@given(st.lists(PIECES, min_size=1, max_size=6), st.integers(0, 3), st.sampled_from(PEOPLE))
def test_any_template_is_the_same_merged_as_rendered(pieces: list[str], count: int, person: dict[str, Any]):
    body = "".join(pieces)
    html = f"<html><head><style>p{{color:#123}} .a{{font-weight:bold}}</style></head><body>{body}</body></html>"
    shared = {
        "items": [{"title": f"Tïtle <{n}>"} for n in range(count)],
        "count": count,
        "list": {"name": "Ümlaut & Co"},
    }
    personal = {"recipient": person, "links": LINKS}
    has_links = {"links": {name: bool(link) for name, link in LINKS.items()}}
    compiled = compile_sources(body, html, body)
    merged = compose(compiled, shared | has_links).merge(personal)
    assert merged == with_nothing_shared(compiled, shared | personal)
    assert as_tree(merged.html) == as_tree(inline_rendered(render(parse(html), shared | personal, autoescape=True)))
    assert merged.text.strip() == render(parse(body), shared | personal, autoescape=False).strip()


def test_what_depends_on_nobody_is_rendered_once():
    conditions = "{% if links.view and not links.preferences %}1{% endif %}{% if links.view == 'x' %}2{% endif %}"
    links = compose(
        compile_sources("s", "<p>" + conditions + "</p>", "t"), {"links": {"view": True, "preferences": False}}
    )
    assert [type(part).__name__ for part in links.html] == ["str", "Field", "str"]
    assert str(links.html[0]).endswith("<p>1")
    compiled = compile_sources("{{ count }}", "<p>{{ count }} {{ recipient.name }}</p>", "{{ count }}")
    composition = compose(compiled, {"count": 3})
    assert composition.subject == ("3",)
    assert [type(part).__name__ for part in composition.html] == ["str", "Field", "str"]


@pytest.mark.parametrize(
    "source",
    [
        "{{ recipent.name }}",
        "{% if recipient.frist_name %}x{% endif %}",
        "{% for item in itms %}x{% endfor %}",
        "{{ recipient.name|default:lst.name }}",
    ],
)
def test_a_name_that_nothing_has_is_refused_at_save_even_where_it_would_be_silent(source: str):
    sample = {"recipient": PEOPLE[0], "items": [], "list": {"name": ""}, "links": LINKS}
    with pytest.raises(UnknownVariable, match="is not known"):
        check_sources("s", "<p>h</p>", source, sample)


def test_a_name_that_is_missing_in_a_filters_argument_fails_one_mail_and_not_all():
    merge = compose(
        compile_sources("s", "<p>h</p>", "{{ recipient.name|default:recipient.attributes.plan }}"), {}
    ).merge
    assert merge({"recipient": PEOPLE[0], "links": LINKS}).text == "Ada\n"
    with pytest.raises(UnknownVariable, match=r"recipient\.attributes\.plan is not known"):
        merge({"recipient": PEOPLE[1], "links": LINKS})


def test_a_time_is_shown_in_the_zone_that_it_has():
    tokyo = datetime(2026, 11, 23, 6, tzinfo=UTC).astimezone(ZoneInfo("Asia/Tokyo"))
    composition = compose(compile_sources("s", "<p>{{ at|date:'H:i' }}</p>", "{{ at|time:'H:i' }}"), {"at": tokyo})
    mail = composition.merge({"recipient": PEOPLE[0], "links": LINKS})
    assert "15:00" in mail.html
    assert mail.text == "15:00\n"


@pytest.mark.parametrize(
    "source",
    [
        "{% load static %}", "{% include 'x' %}", "{% extends 'x' %}", "{% debug %}", "{% lorem 9 %}", "{% url 'x' %}",
        "{% csrf_token %}", "{{ x|safe }}", "{{ x|center:999999999 }}", "{{ x|stringformat:'999999999d' }}",
        "{% autoescape off %}x{% endautoescape %}", "{% if %}", "{% for x %}", "{{ x|nosuch }}", "{{ a b }}", "{% endif %}",
    ],
)  # fmt: skip
def test_what_is_not_allowed_is_a_syntax_error_with_its_line(source: str):
    with pytest.raises(TemplateError, match="line 2"):
        compile_sources("s", f"<p>\n{source}</p>", "t")


@pytest.mark.parametrize(
    "name",
    ["recipient.attributes.clear", "recipient.name.upper", "recipient.__class__", "items.0.__init__", "items.clear"],
)
def test_no_attribute_is_read_and_nothing_is_called(name: str):
    context = {"recipient": {"name": "Ada", "attributes": {"a": 1}}, "items": [{"title": "x"}]}
    with pytest.raises(TemplateError):
        render(parse("{{ " + name + " }}"), context, autoescape=True)
    assert context == {"recipient": {"name": "Ada", "attributes": {"a": 1}}, "items": [{"title": "x"}]}


@pytest.mark.parametrize(
    "html",
    [
        "<script>x</script>", "<link rel=stylesheet href=x>", "<style>@import url(x)</style>", "<base href=x>", "<form>",
    ],
)  # fmt: skip
def test_what_may_not_stand_in_a_mail_is_refused_with_its_line(html: str):
    with pytest.raises(TemplateError, match="line 1"):
        compile_sources("s", html, "t")


def test_phone_and_dark_mode_rules_survive_inlining():
    html = "<html><head><style>p{color:red} @media (max-width:9px){p{color:blue!important}}</style></head><body><p>x</p></body></html>"
    inlined = inline_source(html)
    assert 'style="color:red"' in inlined
    assert "!important" in inlined


LATE = [
    ("", "<p {% if recipient.first_name %}class=a{% endif %}>x</p>", "not in quotes"),
    ("", '<p style="color:{{ color }}">x</p>', "style attribute"),
    ("", "<p class=\"{{ recipient.attributes.plan|default:'a' }}\">x</p>", "class attribute"),
    (
        "li:first-child{color:red}",
        "<ul>{% for item in items %}<li>{{ item.title }}</li>{% endfor %}</ul>",
        "li:first-child",
    ),
    ("p + p{color:red}", "<p>1</p>{% if count %}<p>2</p>{% endif %}", "p + p"),
    ("a[href^=http]{color:red}", '<a href="{{ link }}">x</a>', "neighbours or attributes"),
    ("p{color:{{ color }}}", "<p>x</p>", "template tag"),
]


@pytest.mark.parametrize(("css", "body", "reason"), LATE, ids=[reason for _, _, reason in LATE])
def test_what_cannot_be_inlined_ahead_is_said_and_still_comes_out_right(css: str, body: str, reason: str):
    html = f"<html><head><style>.a{{font-weight:bold}} {css}</style></head><body>{body} {{{{ recipient.name }}}}</body></html>"
    shared = {"items": [{"title": "1"}, {"title": "2"}], "count": 2, "color": "red", "link": "http://x.example/"}
    personal = {"recipient": PEOPLE[0], "links": LINKS}
    compiled = compile_sources("s", html, "t")
    assert reason in " ".join(compiled.inlined_late)
    merged = compose(compiled, shared).merge(personal)
    assert as_tree(merged.html) == as_tree(inline_rendered(render(parse(html), shared | personal, autoescape=True)))
    assert merged == with_nothing_shared(compiled, shared | personal)


@pytest.mark.parametrize("folder", template_folders(), ids=lambda folder: folder.name)
def test_the_shipped_mails_are_inlined_ahead(folder):
    sources = put_together(read_sources(folder).languages[""]).parts
    assert compile_sources(*sources).inlined_late == ()
