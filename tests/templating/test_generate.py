"""Generated functions give what Django's nodes and filters give, errors too."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.template import defaultfilters
from django.utils import translation
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language
from hypothesis import event, example, given
from hypothesis import strategies as st

from mailer.templating.authoring import put_together
from mailer.templating.budget import STEPS
from mailer.templating.builtins import ALLOWED
from mailer.templating.compile import compile_sources
from mailer.templating.compose import Field, compose
from mailer.templating.contexts import ITEM_NAMES
from mailer.templating.dates import date_writer
from mailer.templating.filters import EXACT, html_text, plain_text, truncatechars
from mailer.templating.generate import generate
from mailer.templating.personal import PERSONAL
from mailer.templating.preview import hydrate
from mailer.templating.sandbox import MailTemplate, TemplateError, bind, parse, render, render_nodes
from mailer.templating.sync import read_sources, template_folders

LANGUAGES = ["en", "de", "fr", "ca", "ar", "ja", "el", "ru", "ga", "pt-br"]
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
#: All that wrapping, escaping and cutting could stumble over.
KNOTTY = st.text(st.sampled_from("ab.é̈ א‏   \xa0\u2003\u3000\u200b\t\n\r\x0b\x1c\x1f\x85\u2028<>&\"'%✨"), max_size=60)
PROSE = st.lists(st.text("abcé-", min_size=1, max_size=14), max_size=30).map(" ".join)
ZONES = st.sampled_from([None, UTC, ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Kolkata"), timezone(-timedelta(hours=5))])
TIMES = st.datetimes(timezones=ZONES) | st.dates() | st.times()
NUMBERS = st.integers() | st.floats() | st.booleans() | st.decimals(allow_nan=False, allow_infinity=False)
TEXTS = TEXT | KNOTTY | PROSE | PROSE.map(mark_safe) | KNOTTY.map(mark_safe)
ANYTHING = st.none() | TEXTS | NUMBERS | TIMES | st.lists(TEXT, max_size=3) | st.dictionaries(TEXT, TEXT, max_size=2)


def outcome(call: Callable[[], Any]) -> Any:
    """What came of it: the value with its type, or the error."""
    try:
        value = call()
    except Exception as error:  # noqa: BLE001 - whatever it is, both must raise it
        return type(error), str(error)
    return type(value), value


# --- filters ---------------------------------------------------------------------------------------------------------


def stand_in(function: Any) -> Any:
    """The short form of one of Django's filters, in the active language."""
    return partial(truncatechars, get_language()) if function is ALLOWED["truncatechars"] else EXACT[function]


@pytest.mark.parametrize("function", [*EXACT, ALLOWED["truncatechars"]], ids=lambda function: function.__name__)
@given(st.data(), st.sampled_from(LANGUAGES))
def test_a_short_form_gives_what_the_filter_gives(function: Any, data: st.DataObject, language: str):
    value = data.draw(ANYTHING)
    arguments = {
        "truncatechars": st.integers(-1, 40) | st.sampled_from(["5", "x"]).map(mark_safe),
        "wordwrap": st.integers(-1, 40) | st.sampled_from(["5", "x"]).map(mark_safe),
        "pluralize": st.sampled_from(["es", "y,ies", "a,b,c", "<s>", ""]).map(mark_safe) | st.just("en"),
    }
    given = [data.draw(arguments[function.__name__])] if function.__name__ in arguments else []
    with translation.override(language):
        assert outcome(lambda: stand_in(function)(value, *given)) == outcome(lambda: function(value, *given))


@given(PROSE | KNOTTY, st.integers(1, 20))
@example("a  b", 1)
@example(" a b", 1)
@example("aaaaaa  b", 3)
@example("a \xa0 b", 2)
@example("", 5)
def test_text_is_wrapped_as_django_wraps_it(text: str, width: int):
    assert EXACT[ALLOWED["wordwrap"]](text, width) == defaultfilters.wordwrap(text, width)


FORMATS = st.sampled_from(
    ["D j M, H:i", "l j F Y", "d.m.y", "DATE_FORMAT", "SHORT_DATETIME_FORMAT", "g:i A", "h a", r"j \d\e F", "jS", "c", "e", ""]
) | st.text(r"aAbcdDeEfFgGhHiIjlLmMnNoOPrsStTUuwWyYzZ ,.\'<é", max_size=8)  # fmt: skip


@given(ANYTHING | TIMES | TIMES, FORMATS, st.sampled_from(LANGUAGES))
@example(datetime(1, 1, 1), "D", "en")
@example(datetime(9999, 12, 31, 23, tzinfo=ZoneInfo("Europe/Berlin")), "Y", "en")
@example(date(1, 1, 1), "Y", "en")
@example(time(12), "H:i", "en")
@example(date(2000, 1, 1), "<", "en")
@example(date(2000, 1, 1), "<Y>", "en")
def test_a_date_is_written_as_django_writes_it(value: Any, date_format: str, language: str):
    with translation.override(language):
        written = outcome(lambda: date_writer(date_format, language)(value))
        assert written == outcome(lambda: defaultfilters.date(value, date_format))


@given(ANYTHING.filter(lambda value: not isinstance(value, list | dict)), st.sampled_from(LANGUAGES))
def test_a_value_is_written_as_django_writes_it(value: Any, language: str):
    template = parse("{{ value }}")
    with translation.override(language):
        assert str(html_text(value)) == render(template, {"value": value}, autoescape=True)
        assert str(plain_text(value)) == render(template, {"value": value}, autoescape=False)


# --- whole templates -------------------------------------------------------------------------------------------------

PATHS = [
    "count", "zero", "nothing", "word", "safe", "flag", "day", "items", "items.0", "items.1.title", "items.0.tags.1",
    "recipient", "recipient.name", "recipient.attributes", "recipient.attributes.plan", "recipient.attributes.7",
    "recipient.points", "links.view", "links.unsubscribe", "own.0.title", "own", "pairs", "pairs.0.1", "None", "True",
    "missing", "word.0", "recipient.missing", "items.9.title", "count.missing", "item", "item.title", "item.at",
    "item.tags", "item.tags.0", "item.price", "item.missing", "tag", "a", "b", "x", "x.title", "forloop.counter",
    "forloop.counter0", "forloop.revcounter", "forloop.revcounter0", "forloop.first", "forloop.last",
    "forloop.parentloop.first", "forloop.parentloop.counter", "forloop.missing", "forloop", "'<b>'", '"it"', "5", "1.5",
]  # fmt: skip
FILTERS = [
    "upper", "lower", "capfirst", "title", "length", "pluralize", "pluralize:'y,ies'", "default:'<i>'", "default:word",
    "default:missing", "default_if_none:'-'", "truncatechars:5", "truncatechars:count", "wordwrap:7", "date:'D j M, H:i'",
    "date:'Y e'", "date", "date:word", "time:'H:i'", "add:'-1'", "add:count", "escape", "force_escape", "linebreaks",
    "linebreaksbr", "join:' <&> '", "first", "last", "slice:':2'", "floatformat:2", "yesno:'<y>,n'", "cut:'a'",
    "dictsort:'title'", "urlencode", "striptags", "slugify", "divisibleby:2", "wordcount", "truncatewords:2", "_('x')",
]  # fmt: skip
OPERATORS = ["and", "or", "==", "!=", "<", "<=", ">", ">=", "in", "not in", "is", "is not"]

VALUES = st.builds(
    lambda path, filters: "|".join([path, *filters]),
    st.sampled_from(PATHS),
    st.lists(st.sampled_from(FILTERS[:-1]), max_size=2) | st.just([]),
)
OPERANDS = st.builds(lambda negated, value: negated + value, st.sampled_from(["", "", "", "not "]), VALUES)
CONDITIONS = st.builds(
    lambda first, rest: " ".join([first, *(word for pair in rest for word in pair)]),
    OPERANDS,
    st.lists(st.tuples(st.sampled_from(OPERATORS), OPERANDS), max_size=2),
)
LOOPS = st.sampled_from(
    ["items", "own", "item.tags", "word", "recipient.attributes", "missing", "nothing", "count", "x"]
)
LEAVES = st.one_of(
    VALUES.map("{{{{ {} }}}}".format),
    st.sampled_from(["text ", "<p>", "</p> ", "ünï ✨ ", "{# note #}", "{% verbatim %}{{ x }}{% endverbatim %}"]),
    st.lists(VALUES, min_size=1, max_size=3).map(" ".join).map("{{% firstof {} %}}".format),
    st.lists(VALUES, min_size=1, max_size=3).map(" ".join).map("{{% cycle {} %}}".format),
)


def branches(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    body = st.lists(inner, max_size=3).map("".join)
    return st.one_of(
        st.builds("{{% for item in {}{} %}}{}{{% empty %}}{}{{% endfor %}}".format, LOOPS, st.sampled_from(["", " reversed"]), body, body),
        st.builds("{{% for tag in {} %}}{}{{% endfor %}}".format, LOOPS, body),
        st.builds("{{% for a, b in {} %}}{}{{% endfor %}}".format, st.sampled_from(["pairs", "items", "word"]), body),
        st.builds("{{% if {} %}}{}{{% elif {} %}}{}{{% else %}}{}{{% endif %}}".format, CONDITIONS, body, CONDITIONS, body, body),
        st.builds("{{% if {} %}}{}{{% endif %}}".format, CONDITIONS, body),
        st.builds("{{% with x={} count={} %}}{}{{% endwith %}}".format, VALUES, VALUES, body),
        st.builds("{{% spaceless %}}{}{{% endspaceless %}}".format, body),
        st.builds("{{% comment %}}{}{{% endcomment %}}".format, body),
    )  # fmt: skip


TEMPLATES = st.lists(st.recursive(LEAVES, branches, max_leaves=8), min_size=1, max_size=4).map("".join)
ITEMS = st.fixed_dictionaries(
    {"title": TEXTS, "at": TIMES, "tags": st.lists(TEXT, max_size=3), "price": NUMBERS}, optional={"missing": TEXT}
)
SHARED = st.fixed_dictionaries(
    {
        "count": st.integers(0, 3), "zero": st.just(0), "nothing": st.none(), "word": TEXTS, "flag": st.booleans(),
        "safe": st.just(SafeString("<i>safe</i>")), "day": st.dates(), "items": st.lists(ITEMS, max_size=2),
        "pairs": st.lists(st.tuples(TEXT, NUMBERS), max_size=2),
    }
)  # fmt: skip
OWN = st.fixed_dictionaries(
    {
        "recipient": st.fixed_dictionaries(
            {"name": TEXTS, "points": NUMBERS, "attributes": st.dictionaries(st.sampled_from(["plan", "7"]), TEXT)}
        ),
        "links": st.fixed_dictionaries({"view": TEXT, "unsubscribe": st.just("https://x.example/u?a=1&b=2")}),
        "own": st.lists(ITEMS, max_size=2),
    }
)
OWN_NAMES = PERSONAL | {"own"}


def fields_of(template: MailTemplate, shared: dict[str, Any], autoescape: bool) -> list[Field]:
    scope = {"True": True, "False": False, "None": None} | shared
    return [
        Field([node], template, scope, autoescape, generate(node, OWN_NAMES, autoescape)) for node in template.nodelist
    ]


@given(TEMPLATES, SHARED, OWN, st.booleans(), st.sampled_from(LANGUAGES))
def test_any_node_is_filled_as_django_renders_it(
    source: str, shared: dict[str, Any], own: dict[str, Any], autoescape: bool, language: str
):
    try:
        template = parse(source)
    except TemplateError:  # such as a filter with an argument too many
        event("syntax error")
        return
    with translation.override(language):
        for field in fields_of(template, shared, autoescape):
            check_field(field, own)


def test_one_node_is_filled_in_each_language_after_the_other() -> None:
    template = parse("{{ own.day|date:'l' }} {{ own.text|truncatechars:6 }}")
    own = {"own": {"day": date(2026, 11, 27), "text": "Der Hafen ist offen"}}
    for language, day in (("en", "Friday"), ("de", "Freitag"), ("en", "Friday")):
        with translation.override(language):
            fields = fields_of(template, {}, autoescape=True)
            assert "".join(field.generated(field.scope, own, STEPS) for field in fields) == f"{day} Der H…"


def check_field(field: Field, own: dict[str, Any]) -> None:
    context = bind(field.template, field.scope | own, field.autoescape)
    rendered = outcome(lambda: render_nodes(field.nodes, context))
    assert outcome(lambda: "".join([field.fill(own)])) == rendered
    if rendered[0] is not str:
        event("an error")
    elif field.generated is None:
        event("not generated")
    else:
        quickly = outcome(lambda: field.generated(field.scope, own, STEPS))
        event("generated" if issubclass(quickly[0], str) else "generated, and left to Django")


@pytest.mark.parametrize("folder", template_folders(), ids=lambda folder: folder.name)
def test_the_shipped_mails_are_filled_without_djangos_nodes(folder: Path):
    sources = put_together(read_sources(folder).languages[""]).parts
    context = hydrate(read_sources(folder).sample)
    compiled = compile_sources(*sources)
    composition = compose(compiled, context, PERSONAL | ITEM_NAMES)
    with translation.override("en"):
        for part in (composition.subject, composition.html, composition.text):
            for field in part:
                if isinstance(field, Field):
                    assert field.generated is not None
                    assert field.generated(field.scope, context, STEPS) == render_nodes(
                        field.nodes, bind(field.template, field.scope | context, field.autoescape)
                    )


HOSTILE = """{% for a, b in items %}{{ a|default:'"); import os  #' }}{% verbatim %}{{ __import__ }}"{os}{% endverbatim %}
{% endfor %}{% if system.os == "\\\\" or x|add:'{exit()}' %}{% cycle "}" '"' %}{% endif %}\N{DIGIT ONE} {% with q=eval %}{{ q }}{% endwith %}"""


def test_no_word_of_an_author_gets_into_the_code():
    for node in parse(HOSTILE).nodelist:
        function = generate(node, PERSONAL, True)
        assert function is not None
        code = function.__code__
        assert all(re.fullmatch(r"[kv]\d+|append|get|enumerate|len|type|str", name) for name in code.co_names)
        assert not any(isinstance(constant, str | bytes) for constant in code.co_consts)
        assert function.__globals__["__builtins__"] == {}
    field = fields_of(parse("{{ value }}"), {"value": HOSTILE}, autoescape=False)[0]
    assert field.fill({}) == HOSTILE
