"""Selects with some hundred options, whose drawing one by one through a template each takes a tenth of a second."""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from django.forms import Select
from django.utils.html import format_html_join
from django.utils.safestring import SafeString, mark_safe

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
