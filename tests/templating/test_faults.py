"""Each thing that a template's author is told, with its line in what they wrote."""

from dataclasses import replace
from typing import Any

import pytest

from mailer.models.colours import contrast
from mailer.templating.authoring import Written
from mailer.templating.faults import find_faults
from mailer.templating.sync import read_sources, template_folders

SAMPLE: dict[str, Any] = {"name": "Ada", "url": "https://x.example/a", "links": {"unsubscribe": "https://x.example/u"}}
GOOD = Written("Hello {{ name }}", '<p>Hello {{ name }}</p>\n<p><a href="{{ links.unsubscribe }}">Leave</a></p>')


def faults_of(**changes: str) -> list[str]:
    return [str(fault) for fault in find_faults(replace(GOOD, **changes), SAMPLE)]


def with_html(html: str) -> str:
    return f"{GOOD.html}\n{html}"


def test_a_good_mail_has_no_faults():
    assert faults_of() == []


@pytest.mark.parametrize("folder", template_folders(), ids=lambda folder: folder.name)
def test_the_shipped_mails_have_no_faults(folder):
    sources = read_sources(folder)
    for written in sources.languages.values():
        assert find_faults(written, sources.sample) == []


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"subject": "{{ nmae }}"}, "subject, line 1: nmae is not known; the sample context has no such name."),
        ({"html": with_html("{% if nmae %}x{% endif %}")}, "body.html, line 3: nmae is not known; the sample context has no such name."),
        ({"html": with_html("<p>{{ name|nosuch }}</p>")}, "body.html, line 3: Invalid filter: 'nosuch'"),
        ({"html": with_html("\n{% load i18n %}")}, "body.html, line 4: Invalid block tag on line 4: 'load'. Did you forget to register or load this tag?"),
        ({"html": "<p>Hello {{ name }}</p>"}, "body.html: There is no link to unsubscribe: {{ links.unsubscribe }}."),
        ({"html": with_html('<img src="a.png">')}, 'body.html, line 3: A picture without alt says nothing where it is not shown; alt="" is right for decoration.'),
        ({"html": with_html('<p style="color:#999">Faint words</p>')}, "body.html: “Faint words” is hard to read: #999 on #ffffff has a contrast of 2.8:1, 4.5:1 is needed."),
        ({"html": with_html("<style>p:first-child{color:red}</style>")}, "the selector 'p:first-child' goes by an element's neighbours or attributes, so each mail's CSS is inlined by itself, some hundred times slower."),
        ({"html": with_html('<p class="{{ name }}">x</p>')}, "body.html, line 3: a class attribute depends on a template tag, so each mail's CSS is inlined by itself, some hundred times slower."),
        ({"html": with_html("<p>" + "x" * 85_000 + "</p>")}, "The HTML has 85 KB with this sample; Gmail cuts a mail at 102 KB."),
        ({"text": "Hello {{ name }}"}, "body.txt: The text does not lead to {{ links.unsubscribe }}, the HTML does."),
        ({"text": "Hello, {{ links.unsubscribe }}"}, "body.txt: The text never says {{ name }}, the HTML does."),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_each_fault_is_told_with_its_place(changes: dict[str, str], told: str):
    assert told in faults_of(**changes)


def test_css_that_large_clients_lack_is_told_with_who_lacks_it():
    [told] = faults_of(html=with_html('<p style="display:grid">x</p>'))
    assert told.startswith("body.html, line 3: display:grid is not supported by Gmail, ")
    assert "Outlook for Windows" in told


def test_a_line_is_the_authors_own_and_not_the_layouts():
    html = '{% extends "_layout/body.html" %}\n{% block content %}\n<p>{{ nosuch }}</p>{% endblock %}'
    sample = read_sources(next(each for each in template_folders() if each.name == "announcement")).sample
    assert [str(fault) for fault in find_faults(Written("Hi", html), sample)] == [
        "body.html, line 3: nosuch is not known; the sample context has no such name."
    ]


def test_what_stands_outside_the_blocks_is_not_lost_in_silence():
    html = '{% extends "_layout/body.html" %}\n{# a remark #}\n{% block content %}<p>a\n</p>{% endblock %}\n<p>lost</p>'
    assert faults_of(html=html) == [
        "body.html, line 5: “<p>lost</p>” stands outside the blocks, so it would not be in the mail."
    ]


def test_errors_come_first():
    found = find_faults(replace(GOOD, html='<p style="color:#999">Faint</p>'), SAMPLE)
    assert [fault.is_error for fault in found] == sorted((fault.is_error for fault in found), reverse=True)
    assert found[0].is_error


@pytest.mark.parametrize(
    ("one", "other", "ratio"), [("#000000", "#ffffff", 21), ("#fff", "#fff", 1), ("#777777", "#ffffff", 4.48)]
)
def test_contrast_is_as_wcag_counts_it(one: str, other: str, ratio: float):
    assert contrast(one, other) == pytest.approx(ratio, abs=0.01) == contrast(other, one)


def test_a_mail_whose_sample_says_nothing_of_links_is_told_that_it_can_not_go_to_a_list():
    [fault] = find_faults(Written("Hello", "<p>Hello</p>"), {})
    assert (fault.is_error, fault.part) == (False, "body.html")
    assert fault.words.startswith("There is no link to unsubscribe")
    assert find_faults(Written("Hello", "<p>Hello</p>"), {"links": {"unsubscribe": ""}}) == []
