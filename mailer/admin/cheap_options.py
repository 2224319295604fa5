"""What a page has dozens or hundreds of, drawn at once: through a template each, they take a tenth of a second."""

import re
from collections.abc import Iterable
from functools import cache, lru_cache
from typing import Any

from django.forms import Select, Widget
from django.utils.html import format_html_join
from django.utils.safestring import SafeString, mark_safe

from mailer.models.zones import known_time_zones

_INSIDE = re.compile(r"(<select\b[^>]*>).*?(</select>)", re.DOTALL)


class CheapOptions(Select):
    """Draws the select by its own template, and its options as one text that is kept."""

    def render(self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None) -> SafeString:
        """The select with its options."""
        every = tuple((str(key), str(label)) for key, label in self.choices)
        chosen, self.choices = "" if value is None else str(value), []
        try:
            drawn = str(super().render(name, value, attrs, renderer))
        finally:
            self.choices = every
        options = _options(every)
        if any(key == chosen for key, _ in every):
            drawn_one = str(format_html_join("", '<option value="{}">', [(chosen,)]))
            options = options.replace(drawn_one, f"{drawn_one[:-1]} selected>", 1)
        return mark_safe(_INSIDE.sub(lambda match: f"{match[1]}{options}{match[2]}", drawn))  # noqa: S308 - both drawn by Django


@lru_cache(maxsize=16)
def _options(choices: Iterable[tuple[str, str]]) -> str:
    return str(format_html_join("\n", '<option value="{}">{}</option>', choices))


def zone_choices(empty: str = "") -> list[tuple[str, str]]:
    """All time zones for a select, after a first line for none if it is named."""
    first = [("", empty)] if empty else []
    return first + [(name, name.replace("_", " ")) for name in sorted(known_time_zones())]


@cache
def drawn_once(widget: Widget, name: str) -> str:
    """The widget's HTML as a format with a place for its value."""
    drawn = str(widget.render(name, "0"))
    return drawn.replace("{", "{{").replace("}", "}}").replace('value="0"', 'value="{}"')
