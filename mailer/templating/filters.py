"""Some of Django's filters, and its way of writing a value, in a form that costs a fraction and gives exactly the same.

What is not plain text or a small number, the usual case, is left to Django's own function.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from html import escape
from typing import Any

from django.conf import settings
from django.template import Context
from django.template.base import render_value_in_context
from django.utils.safestring import SafeString
from django.utils.text import add_truncation_text, calculate_truncate_chars_length

from mailer.templating.builtins import ALLOWED

#: The longest text that is kept, wrapped; thousands of longer ones would take hundreds of megabytes.
MOST_KEPT = 2_000
_HTML = Context(autoescape=True, use_tz=False)
_TEXT = Context(autoescape=False, use_tz=False)
#: Unicode's spaces that end no line; a word of nothing else is dropped at the end of a line.
_OTHER_SPACE = re.compile("[\x1f\xa0\u1680\u2000-\u200a\u202f\u205f\u3000]")


def html_text(value: Any) -> str:
    """The value as `{{ … }}` writes it in HTML."""
    if type(value) is str:
        if "&" in value or "<" in value or ">" in value or '"' in value or "'" in value:
            return escape(value)
        return value
    if type(value) is SafeString:
        return value[:]  # a plain one, which is joined faster
    return _number(value) or render_value_in_context(_single(value), _HTML)


def plain_text(value: Any) -> str:
    """The value as `{{ … }}` writes it in plain text."""
    return value if type(value) is str else _number(value) or render_value_in_context(_single(value), _TEXT)


def truncatechars(language: str | None, value: Any, arg: Any) -> Any:
    """The filter of this name while the language is the active one."""
    if type(value) is str and type(arg) is int and arg > 0 and value.isascii():
        if len(value) <= arg:
            return value
        room, sign = _truncation(arg, language)
        return sign % {"truncated_text": value[:room]}
    return ALLOWED["truncatechars"](value, arg)


def _number(value: Any) -> str:
    """The text of a whole number; nothing for any other value."""
    return str(value) if type(value) is int and not settings.USE_THOUSAND_SEPARATOR else ""


def _single(value: Any) -> Any:
    """The value. Raises TypeError for what has parts: nobody wants to read that as Python writes it."""
    if isinstance(value, dict | list | tuple):
        raise TypeError("a list or what has parts can't be shown")
    return value


def _upper(value: Any) -> Any:
    return value.upper() if type(value) is str else ALLOWED["upper"](value)


def _lower(value: Any) -> Any:
    return value.lower() if type(value) is str else ALLOWED["lower"](value)


def _capfirst(value: Any) -> Any:
    return value[:1].upper() + value[1:] if type(value) is str else ALLOWED["capfirst"](value)


def _pluralize(value: Any, arg: Any = "s") -> Any:
    if type(value) is int and abs(value) < 2**53 and isinstance(arg, str) and "," not in arg:
        return "" if value == 1 else arg[:]  # cut out, so that it is no longer marked as safe
    return ALLOWED["pluralize"](value, arg)


@lru_cache(maxsize=256)
def _truncation(length: int, language: str | None) -> tuple[int, str]:
    """How much of a text remains, and how that is marked, in the active language."""
    mark = str(add_truncation_text("\x00", None))
    return calculate_truncate_chars_length(length, None), mark.replace("%", "%%").replace("\x00", "%(truncated_text)s")


def _wordwrap(value: Any, arg: Any) -> Any:
    if type(value) is not str or type(arg) is not int or len(value) > MOST_KEPT:
        return ALLOWED["wordwrap"](value, arg)
    if len(value) <= arg and _wraps_simply(value):  # a line, as most titles are
        return value.rstrip(" ")
    return _wrapped(value, arg)


@lru_cache(maxsize=4096)
def _wrapped(value: str, arg: int) -> str:
    """Kept, because what several people get is wrapped for each of them."""
    if arg < 1 or not _wraps_simply(value):
        return str(ALLOWED["wordwrap"](value, arg))
    text = value.rstrip(" ")
    lines, start, rest = [], 0, len(text) - arg
    while start < rest:
        end = text.rfind(" ", start, start + arg + 1)
        if end < 0 and (end := text.find(" ", start + arg)) < 0:
            break
        lines.append(text[start:end].rstrip(" "))
        start = end + 1
        while text[start] == " ":
            start += 1
    if not lines:
        return text
    lines.append(text[start:])
    return "\n".join(lines)


def _wraps_simply(value: str) -> bool:
    """Whether it is one line that begins with a word, with no other spaces than ordinary ones."""
    return (
        value != ""
        and value.splitlines()[0] is value
        and "\t" not in value
        and value[0] != " "
        and ((value.isascii() and "\x1f" not in value) or not _OTHER_SPACE.search(value))
    )


#: Django's filters and the forms that stand in for them.
EXACT: dict[Callable[..., Any], Callable[..., Any]] = {
    ALLOWED["upper"]: _upper,
    ALLOWED["lower"]: _lower,
    ALLOWED["capfirst"]: _capfirst,
    ALLOWED["pluralize"]: _pluralize,
    ALLOWED["wordwrap"]: _wordwrap,
}
