"""What a template's author may not do: read a secret, reach out, hang whoever reads the template, or fill their memory."""

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from hypothesis import given
from hypothesis import strategies as st

from mailer.templating.authoring import Written
from mailer.templating.builtins import ALLOWED, TAGS
from mailer.templating.compile import compile_sources
from mailer.templating.compose import compose
from mailer.templating.conditions import conditions_of, decide
from mailer.templating.faults import find_faults
from mailer.templating.letter import find_preheader
from mailer.templating.plain_data import check_sample, read_sample
from mailer.templating.sandbox import TemplateError
from tests.templating.bombs import HARMLESS, REFUSED

ROOT = Path(__file__).resolve().parent.parent.parent
SAMPLE: dict[str, Any] = {
    "text": "Ada", "count": 3, "at": "2026-11-23T13:40:00+01:00", "items": [{"title": "x", "tags": ["a", "b"]}],
    "recipient": {"email": "ada@example.org", "name": "Ada", "first_name": "Ada", "attributes": {"city": "Uppsala"}},
    "links": {"unsubscribe": "https://x.example/u", "view": ""}, "list": {"name": "News"},
}  # fmt: skip
PERSONAL = {name: SAMPLE[name] for name in ("recipient", "links")}


def filled(html: str, sample: dict[str, Any] = SAMPLE) -> str:
    """The mail as it is sent."""
    shared = {name: value for name, value in sample.items() if name not in PERSONAL}
    personal = {name: sample.get(name, {}) for name in PERSONAL}
    mail = compose(compile_sources("s", html, html), shared).merge(personal)
    return mail.html + mail.text


# --- secrets ---------------------------------------------------------------------------------------------------------

NAMES = [
    "settings.SECRET_KEY", "settings.DATABASES.default.PASSWORD", "request.user.password", "request.META", "user.password",
    "request.session.items", "csrf_token", "debug", "sql_queries", "perms", "messages", "block.super", "self", "None.__class__",
    "text.__class__.__mro__", "text.__class__.__base__.__subclasses__", "text.__init__.__globals__", "text.__doc__",
    "text.format", "text.encode", "items.__class__", "items.clear", "items.pop", "items.0.items", "items.0.keys", "items.0.pop",
    "recipient.attributes.clear", "recipient.attributes.__class__", "recipient.pk", "recipient.subscription_set.all",
    "recipient.logentry_set.all.0.user.password", "recipient.get_session_auth_hash", "at.tzinfo", "at.tzinfo.__class__",
    "at.now", "count.real", "count.to_bytes", "forloop", "forloop.parentloop", "list.pk", "list.delete", "context",
    "environ.SECRET_KEY", "os.environ", "__builtins__", "__import__", "globals", "links.keys", "True.__class__",
]  # fmt: skip
EXPRESSIONS = [
    *(f"{{{{ {name} }}}}" for name in NAMES),
    *(f"{{{{ {name}|default:'' }}}}" for name in NAMES),
    *(f"{{% with x={name} %}}{{{{ x }}}}{{% endwith %}}" for name in NAMES[:20]),
    *(f"{{% for x in {name} %}}{{{{ x }}}}{{% endfor %}}" for name in NAMES[:20]),
    *(f"{{% firstof {name} 'x' %}}" for name in NAMES[:20]),
    *(f"{{% if {name} %}}leak{{% endif %}}" for name in NAMES),
    *(f"{{{{ items|dictsort:'{key}' }}}}" for key in ("items", "__class__", "title.__class__", "title.upper", "keys.__self__")),
    "{% debug %}", "{% load static %}", "{% load log %}", "{% load admin_urls from x %}", "{% include '/etc/passwd' %}",
    "{% include '../../config/settings.py' %}", "{% include text %}", "{% extends 'admin/base.html' %}", "{% url 'admin:index' %}",
    "{% extends '../../../config/settings.py' %}", '{% extends "../../../config/settings.py" %}', '{% extends "/etc/passwd" %}',
    '{% extends "_layout/../../../config/settings.py" %}', "{% csrf_token %}", "{% static 'x' %}", "{% get_static_prefix %}",
    "{% lorem 10 %}", "{% ssi /etc/passwd %}", "{% filter upper %}x{% endfilter %}", "{% autoescape off %}x{% endautoescape %}",
    "{% regroup items by title as x %}", "{% widthratio 1 2 3 %}", "{% templatetag openblock %}", "{% ifchanged %}{% endifchanged %}",
    "{% resetcycle %}", "{% querystring %}", "{% trans 'x' %}", "{% get_current_language as x %}", "{% localtime on %}{% endlocaltime %}",
    "{{ text|safe }}", "{{ items|safeseq }}", "{{ items|pprint }}", "{{ items|json_script:'x' }}", "{{ text|make_list }}",
    "{{ text|random }}", "{{ items|random }}", "{{ text|center:9 }}", "{{ text|ljust:9 }}", "{{ text|stringformat:'s' }}",
    "{{ text|filesizeformat }}", "{{ text|iriencode }}", "{{ text|urlize }}", "{{ text|addslashes }}", "{{ text|unordered_list }}",
    "{{ text.__class__|default:text }}", "{{ _('x').__class__ }}", "{{ 'x'.upper }}", "{{ ''.__class__ }}", "{{ 1.__class__ }}",
]  # fmt: skip
SECRETS = re.compile(
    r"leak|root:|SECRET|<class|<built-in|object at|function|bound method|ZoneInfo|dict_|__\w+__\b.*=|backends\."
)


@pytest.mark.parametrize("html", EXPRESSIONS)
def test_no_expression_reads_what_the_mail_does_not_say(html: str):
    faults = find_faults(Written("s", html), SAMPLE)
    try:
        mail = filled(html)
    except TemplateError:
        assert any(fault.is_error for fault in faults)
        return
    for secret in (django_settings.SECRET_KEY, os.environ.get("PATH", "no path"), str(ROOT)):
        assert secret not in mail
    assert not SECRETS.search(mail)


def test_only_these_tags_and_filters_are_there():
    assert {"load", "include", "extends", "debug", "url", "autoescape", "filter", "lorem", "regroup"}.isdisjoint(TAGS)
    assert {"safe", "center", "ljust", "rjust", "stringformat", "make_list", "pprint", "random"}.isdisjoint(ALLOWED)


# --- time and memory -------------------------------------------------------------------------------------------------

#: In a process of its own, with little memory: what is told of each, or what went wrong.
PROGRAM = """
import json, os, resource, signal, sys
os.environ.update(SECRET_KEY="x", ALLOWED_HOSTS="x", HTTPS="false", DJANGO_SETTINGS_MODULE="config.settings")
import django
django.setup()
from mailer.templating.authoring import Written
from mailer.templating.conditions import conditions_of
from mailer.templating.faults import find_faults
from tests.templating.bombs import HARMLESS, REFUSED, SAMPLE
find_faults(Written("s", "<style>p{color:red}</style><p>x</p>"), SAMPLE)
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (256 << 20),) * 2)
for name, source in (REFUSED | HARMLESS).items():
    signal.alarm(25)
    try:
        list(conditions_of(source))
        faults = find_faults(Written("s", source), SAMPLE)
        told = [[fault.is_error, str(fault)] for fault in faults]
    except BaseException as error:
        told = f"{type(error).__name__}: {error}"
    print(json.dumps([name, told]), flush=True)
"""


@pytest.mark.long
@pytest.mark.once
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is limited as Linux does it")
def test_what_takes_for_ever_or_fills_the_memory_is_refused_in_a_sentence():
    answer = subprocess.run([sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, timeout=110)
    assert answer.returncode == 0, f"after {answer.stdout[-500:]}: {answer.stderr[-2000:]}"
    told: dict[str, Any] = dict(map(json.loads, answer.stdout.splitlines()))
    assert told.keys() == REFUSED.keys() | HARMLESS.keys()
    assert {name: faults for name, faults in told.items() if isinstance(faults, str)} == {}
    assert [name for name in REFUSED if not any(is_error for is_error, _ in told[name])] == []
    for _, words in (fault for faults in told.values() for fault in faults):
        assert words[-1] in ".:!?", words
        assert not re.search(r"<class|Traceback|object at|Error\b|\(\)|Exception", words), words
        assert len(words) < 400


def greedy(body: str) -> Any:
    """A mail that looks harmless with its sample, as it is kept ready for people's own data."""
    compiled = compile_sources("s", f"<p>{body}</p>", body)
    return compose(compiled, {"message": "m" * 50_000}, frozenset({"recipient", "links", "items"}))


LONG, MANY = "y" * 8_000, [{"title": "x" * 800, "tags": ["a" * 50] * 300}] * 300


@pytest.mark.parametrize(
    "body",
    [
        "{% for a in items %}{% for b in items %}{% for c in items %}{% endfor %}{% endfor %}{% endfor %}",
        "{% for a in items %}{% for b in items %}{{ a.title }}{% endfor %}{% endfor %}",
        "{% for a in items %}{% for b in a.tags %}{{ recipient.name|wordwrap:1|striptags }}{% endfor %}{% endfor %}",
        "{% for a in items %}{% for b in a.tags %}{{ message }}{% endfor %}{% endfor %}",
        "{% for a in items %}{% for b in a.tags %}" + "text " * 5_000 + "{% endfor %}{% endfor %}",
        "{% for a in items %}{% if a.title|wordwrap:1|slugify == b %}x{% endif %}{% for b in a.tags %}{{ a.title|title }}{% endfor %}{% endfor %}",
        "{% for a in items %}{{ a.title }}{% endfor %}" * 60,
        "{% cycle 'a' 'b' as c %}{% for a in items %}{% for b in items %}{{ b.title }}{% endfor %}{% endfor %}",
        "{{ message }}{{ recipient.name }}" * 900,
    ],
    ids=range(9),
)  # fmt: skip
def test_what_is_harmless_with_its_sample_can_do_no_harm_with_peoples_own_data(body: str):
    with pytest.raises(TemplateError, match=r"too much work|more than 2 MB"):
        greedy(body).merge({"recipient": {"name": LONG}, "links": {}, "items": MANY})


def test_a_mail_has_its_whole_budget_whatever_the_one_before_used():
    compiled = compile_sources(
        "s", "<p>x</p>", "{% for a in items %}{% for b in items %}{{ a }}{% endfor %}{% endfor %}"
    )
    composition = compose(compiled, {}, frozenset({"recipient", "links", "items"}))
    for size, is_fine in ((100, True), (100, True), (2_000, False), (100, True)):
        personal = {"recipient": {}, "links": {}, "items": ["x"] * size}
        if is_fine:
            assert len(composition.merge(personal).text) == size**2 + 1
        else:
            with pytest.raises(TemplateError, match="too much work"):
                composition.merge(personal)


def test_a_large_digest_is_no_bomb():
    items = [
        {"title": f"Item {number}", "summary": "words " * 60, "url": "https://x.example/"} for number in range(500)
    ]
    body = "{% for item in items %}<p><a href='{{ item.url }}'>{{ item.title|upper }}</a> {{ item.summary|truncatechars:90 }}</p>{% endfor %}"
    compiled = compile_sources("s", body, body)
    composed = compose(compiled, {"items": items}).merge(PERSONAL)
    assert composed == compose(compiled, {}, frozenset({"recipient", "links", "items"})).merge(
        PERSONAL | {"items": items}
    )


@pytest.mark.parametrize(
    "text",
    ["[" * 5_000, '{"a":' * 5_000, "9" * 5_000, '{"a": NaN}', '{"a": -Infinity}', '{"a": 1e999}', '{"a": "\\u0000"}',
     '{"a": "\\ud800"}', '{"\\ud800": 1}', '{"a": ' + "[" * 30 + "]" * 30 + "}", '{"a": "' + "x" * 120_000 + '"}', '{"a": ' + "9" * 30 + "}"],
    ids=range(12),
)  # fmt: skip
def test_a_sample_that_no_database_or_template_could_bear_is_refused_in_a_sentence(text: str):
    with pytest.raises(TemplateError, match=r"\.$"):
        check_sample(read_sample(text))


@pytest.mark.parametrize(
    "text", ["2026-99-99", "2026-02-30", "٢٠٢٦-01-01", "2026-01-01T99:99", "2026-01-01T10:00+99:99"]
)
def test_what_only_looks_like_a_date_is_a_text(text: str):
    assert find_faults(Written("s", "<p>{{ at }}</p>"), {"at": text, "links": {}}) == []


@pytest.mark.parametrize("language", ["../../../etc", "xx", "x" * 10_000, "de\0", {"a": 1}, 7, "de-at", "../de"])
def test_a_language_that_nobody_speaks_is_english(language: Any):
    assert (
        "Monday" in filled("<p>{{ at|date:'l' }}</p>", {"language": language, "at": date(2026, 11, 23)})
        or language == "de-at"
    )


# --- the network -----------------------------------------------------------------------------------------------------


@pytest.fixture
def canary() -> Iterator[tuple[str, socket.socket]]:
    """A server on this machine that should hear nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield f"127.0.0.1:{server.getsockname()[1]}", server


FORMS = [
    "<style>@import url(http://{}/a.css);p{{color:red}}</style><p>x</p>",
    "<style>@import 'http://{}/a.css';p+p{{color:red}}</style><p>x</p>",
    "<style>@IMPORT \"http://{}/a.css\";</style><p>x</p>",
    "<style>@\\69mport url(http://{}/a.css);</style><p>x</p>",
    "<style>@im/**/port url(http://{}/a.css);@charset 'x';</style><p>x</p>",
    "<style>@namespace url(http://{}/a);@font-face{{font-family:x;src:url(http://{}/f)}}</style><p>x</p>",
    "<link rel=stylesheet href=http://{}/a.css><p>x</p>",
    "<link title='>' rel='style&#115;heet' href='http://{}/a.css'><p>x</p>",
    "<style>p{{background:url(http://{}/p.png)}} p{{cursor:url('//{}/c')}}</style><p>x</p>",
    "<p style='background:url(http://{}/p.png);behavior:url(http://{}/h)'>x</p><style>p{{color:red}}</style>",
    "<img src='http://{}/i.png' srcset='http://{}/i2.png 2x' alt=''><video poster='http://{}/v'></video>",
    "<base href='http://{}/'><p>x</p>",
    "<!DOCTYPE html SYSTEM 'http://{}/x.dtd'><p>x</p>",
    "<!DOCTYPE html [<!ENTITY x SYSTEM 'http://{}/x'>]><p>&x;</p>",
    "<?xml-stylesheet href='http://{}/a.xsl'?><p>x</p>",
    "<iframe src='http://{}/'></iframe><object data='http://{}/'></object>",
    "<style src='http://{}/a.css' data-premailer='x'>p{{color:red}}</style><p>x</p>",
    "<style>p{{color:{{{{ color }}}}}}</style><p>{}</p>",
]  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.filterwarnings("ignore:Unrecognized data-premailer")
def test_nothing_is_fetched_when_a_mail_is_saved_shown_or_sent(form: str, canary: tuple[str, socket.socket]):
    address, server = canary
    html = form.format(*[address] * 3)
    sample = SAMPLE | {"color": f"red}} @import url(http://{address}/late.css); p{{"}
    for source in (html, html + "<style>p:first-child{color:blue}</style>"):
        find_faults(Written("s", source), sample)
        try:
            filled(source, sample)
        except TemplateError:
            pass
    with pytest.raises(BlockingIOError):
        server.accept()


# --- anything --------------------------------------------------------------------------------------------------------

NAMES_KNOWN = ["text", "count", "items", "items.0.title", "recipient", "recipient.name", "links.view", "at", "nosuch", "'x'", "5", "forloop.counter"]  # fmt: skip
ARGUMENTS = st.sampled_from(
    ["", "", ":5", ":-1", ":'x'", ":0", ":text", ":items", ":99999999999", ":'2g'", ":nosuch", ':""']
)
VALUES = st.builds(
    lambda name, filters: name + "".join(f"|{function}{argument}" for function, argument in filters),
    st.sampled_from(NAMES_KNOWN), st.lists(st.tuples(st.sampled_from(sorted(ALLOWED)), ARGUMENTS), max_size=4),
)  # fmt: skip
SOUP = st.one_of(
    VALUES.map("{{{{ {} }}}}".format),
    st.builds("{{% if {} {} {} %}}".format, VALUES, st.sampled_from(["or", "in", "==", "<", "and not", "is", ""]), VALUES),
    st.builds("{{% for {} in {} %}}".format, st.sampled_from(["a", "a, b", "text", "forloop"]), VALUES),
    st.builds("{{% with x={} %}}".format, VALUES),
    st.builds("{{% {} {} {} %}}".format, st.sampled_from(["cycle", "firstof", "now"]), VALUES, VALUES),
    st.sampled_from(
        ["{% endif %}", "{% else %}", "{% elif x %}", "{% empty %}", "{% endfor %}", "{% endwith %}", "{% spaceless %}", "{% endspaceless %}",
         "{% comment %}", "{% endcomment %}", "{% verbatim %}", "{% endverbatim %}", "{{", "}}", "{%", "%}", "{#", "#}", "{", "}",
         '{% extends "_layout/body.html" %}', "{% block content %}", "{% endblock %}", "{% load x %}", "{% if", "{% now 'Y' as x %}"]
    ),
    st.sampled_from(
        ["<p>", "</p>", "<div class=a>", "<style>", "</style>", "<a href='", "'>", "<img src=x>", "<table><tr><td>", "<!--", "-->", "<![CDATA[",
         "<!DOCTYPE html>", "<html>", "<head>", "<body>", "<title>", "<p style='color:#999;font:9px x'>", "&amp;", "&#0;", "&#xd800;", "\x00", "<?xml version='1.0' encoding='x'?>", "<svg>", "<math>", "<textarea>", "<plaintext>", "<br/>", "<p id=a class='", "zqt0tqz", "<zqt1tqz>"]
    ),
    st.sampled_from(
        ["p{color:red}", "@media (max-width:9px){", "@font-face{", "@import url(x);", "/*", "*/", ".a>b~c+d", "p:first-child{", ":not(", "[a=b]", "{", "}", ";", "a:b", "'", '"', "\\", "@", "@charset 'x';", "!important", "*{", "::before{", "#a#b.c{x:y(z}", "url(", "--x:1", "\\0", "p,,p{a:b}", ",{}", "e{c:}", "<"]
    ),
    st.text(max_size=5),
)  # fmt: skip
SOURCES = st.lists(SOUP, max_size=14).map("".join)


@given(SOURCES, SOURCES, SOURCES)
@pytest.mark.filterwarnings("ignore")
def test_no_soup_of_tags_filters_css_and_html_raises_anything_but_a_template_error(subject: str, html: str, text: str):
    list(conditions_of(html))
    decide(html, {"text": True})
    faults = find_faults(Written(subject, html, text), SAMPLE)
    assert all(isinstance(str(fault), str) for fault in faults)
    try:
        shared = {name: value for name, value in SAMPLE.items() if name not in PERSONAL}
        mail = compose(compile_sources(subject, html, text), shared).merge(PERSONAL)
        find_preheader(mail)
    except TemplateError as error:
        assert not re.search(r"<class|object at|Traceback", str(error))
