"""The only tags and filters that a mail template may use: none loads, reaches out, or can grow without bound."""

from collections.abc import Callable
from typing import Any

from django.template import Library, defaultfilters, defaulttags

from mailer.templating.markdown import markdown, markdown_text

TAGS = ("comment", "cycle", "firstof", "for", "if", "now", "spaceless", "verbatim", "with")
FILTERS = (
    "add", "capfirst", "cut", "date", "default", "default_if_none", "dictsort", "divisibleby", "escape", "first",
    "floatformat", "force_escape", "join", "last", "length", "linebreaks", "linebreaksbr", "lower", "pluralize",
    "slice", "slugify", "striptags", "time", "timesince", "title", "truncatechars", "truncatewords", "upper",
    "urlencode", "wordcount", "wordwrap", "yesno",
)  # fmt: skip

register = Library()
_ALL_TAGS: dict[str, Callable[..., Any]] = defaulttags.register.tags
_ALL_FILTERS: dict[str, Callable[..., Any]] = defaultfilters.register.filters
for _name in TAGS:
    register.tag(_name, _ALL_TAGS[_name])
for _name in FILTERS:
    register.filters[_name] = _ALL_FILTERS[_name]
register.filters["markdown"] = markdown
register.filters["markdown_text"] = markdown_text
