"""The only tags and filters that a mail template may use: none loads, reaches out, or can grow without bound."""

import re
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.template import Library, defaultfilters, defaulttags
from django.template.base import Token

from mailer.templating.budget import MAX_TEXT, Refused
from mailer.templating.loops import BoundedForNode, compile_loop
from mailer.templating.markdown import markdown, markdown_text

TAGS = ("comment", "cycle", "firstof", "if", "now", "spaceless", "verbatim", "with")
FILTERS = (
    "capfirst", "cut", "date", "default", "default_if_none", "divisibleby", "escape", "first", "floatformat",
    "force_escape", "join", "last", "length", "linebreaks", "linebreaksbr", "lower", "pluralize", "slice", "slugify",
    "striptags", "time", "timesince", "title", "truncatechars", "truncatewords", "upper", "urlencode", "wordcount",
    "wordwrap", "yesno",
)  # fmt: skip
#: What filters cost a character, in the budget's units, where that is more than 2.
SLOW = {"striptags": 12, "wordwrap": 7, "slugify": 4, "join": 50, "dictsort": 50, "markdown": 20, "markdown_text": 20}
MAX_ARGUMENT = 1_000
_UNBOUNDED = ("default", "default_if_none")  # these hand on what they are given
_PLACES = re.compile(r"-?\d{1,2}[gu]{0,2}")

register = Library()
_ALL_TAGS: dict[str, Callable[..., Any]] = defaulttags.register.tags
_ALL_FILTERS: dict[str, Callable[..., Any]] = defaultfilters.register.filters


def _bounded(function: Callable[..., Any]) -> Callable[..., Any]:
    """The filter for plain values and texts that are not endless; it raises TypeError or Refused for others."""
    is_for_text = hasattr(function, "__wrapped__")  # by Django's `stringfilter`, which writes lists as Python does

    @wraps(function)
    def bounded(value: Any, *arguments: Any, **named: Any) -> Any:
        if is_for_text and isinstance(value, dict | list | tuple):
            raise TypeError(f"{function.__name__} is for text")
        _check_length(value, MAX_TEXT)
        for argument in arguments:
            _check_length(argument, MAX_ARGUMENT)
        result = function(value, *arguments, **named)
        _check_length(result, MAX_TEXT)
        return result

    return bounded


def _check_length(value: Any, longest: int) -> None:
    if isinstance(value, str) and len(value) > longest:
        raise Refused(f"A filter is for texts of up to {longest:,} characters.")


def _add(value: Any, arg: Any) -> int:
    """Numbers only: texts and lists could be doubled again and again."""
    return int(value) + int(arg)


def _joined(value: Any, arg: Any, autoescape: bool = True) -> Any:
    """A list only: a text would grow with each further `join`."""
    if not isinstance(value, list | tuple) or any(isinstance(each, dict | list | tuple) for each in value):
        raise TypeError("join is for lists of texts")
    if len(value) * (len(str(arg)) + 1) > MAX_TEXT:
        raise Refused(f"A filter is for texts of up to {MAX_TEXT:,} characters.")
    return defaultfilters.join(value, arg, autoescape=autoescape)


def _in_order(value: Any, arg: Any) -> Any:
    """A list of dictionaries by one key or, with dots, by keys in keys; Django's own also reads attributes."""
    keys = str(arg).split(".")

    def found(item: Any) -> Any:
        for key in keys:
            item = item[int(key)] if isinstance(item, list | tuple) else item[key]
        return item

    return sorted(value, key=found)


def _with_places(value: Any, arg: Any = -1) -> Any:
    if not _PLACES.fullmatch(str(arg)):
        raise TypeError("floatformat is for up to 99 places")
    if isinstance(value, str) and len(value) > 100:
        raise TypeError("floatformat is for numbers")
    return defaultfilters.floatformat(value, arg)


def _compile_loop(parser: Any, token: Token) -> BoundedForNode:
    parser.enter_loop()
    loop = compile_loop(defaulttags.do_for(parser, token))
    parser.leave_loop()
    return loop


def _flagged(function: Callable[..., Any], **flags: bool) -> Callable[..., Any]:
    for name, value in flags.items():
        setattr(function, name, value)
    return function


#: The filters by name.
ALLOWED: dict[str, Callable[..., Any]] = {
    **{name: _ALL_FILTERS[name] if name in _UNBOUNDED else _bounded(_ALL_FILTERS[name]) for name in FILTERS},
    "add": _flagged(_add, is_safe=False),
    "join": _flagged(_bounded(_joined), is_safe=True, needs_autoescape=True),
    "dictsort": _flagged(_bounded(_in_order), is_safe=False),
    "floatformat": _flagged(_bounded(_with_places), is_safe=True),
    "markdown": markdown,  # reads a text's beginning only
    "markdown_text": markdown_text,
}
#: What one costs a character.
COSTS = {ALLOWED[name]: SLOW.get(name, 2) for name in ALLOWED}
for _name in TAGS:
    register.tag(_name, _ALL_TAGS[_name])
register.tag("for", _compile_loop)
register.filters.update(ALLOWED)
