"""How much work a template may make of one mail, so that no loop or filter keeps a worker busy or fills its memory."""

from collections.abc import Mapping
from typing import Any

#: In units of about a tenth of a microsecond: half a second's work. A digest of a thousand items takes a fifth of it.
WORK = 5_000_000
#: What Django's nodes need for an expression or a loop's round, in the same units.
EACH = 50
#: The longest text that a filter takes or gives.
MAX_TEXT = 100_000
#: The largest part of a filled mail. Gmail cuts a mail at a twentieth of it.
MAX_OUTPUT = 2_000_000
#: What generated code may write in one loop without counting it: a number of texts of any length that people's own
#: data have (`LONGEST_OWN`), fewer if the others in the context are longer.
STEPS, LONGEST_OWN = 2_000, 8_000
#: The most that may be known of one person whose attributes a mail names, as JSON.
MAX_ATTRIBUTES = 50_000


class Refused(ValueError):
    """A template may not do that; the message says in a sentence what."""


class Budget:
    """The work that is left for one mail."""

    __slots__ = ("left",)

    def __init__(self, work: int = WORK) -> None:
        """A whole one, or a smaller one."""
        self.left = work

    def spend(self, work: int) -> None:
        """Take it off. Raises Refused when nothing is left."""
        self.left -= work
        if self.left < 0:
            raise Refused("Its loops and filters make too much work of one mail: it needs fewer, or shorter lists.")


def size_of(value: Any) -> int:
    """How long a text or a list is; nothing for any other value."""
    return len(value) if isinstance(value, str | list | tuple | dict) else 0


def longest_text(value: Any) -> int:
    """The length of the longest text that is in a context."""
    if isinstance(value, str):
        return len(value)
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    return max(map(longest_text, inner), default=0)


def steps_for(context: Mapping[str, Any]) -> int:
    """How many texts generated code may write over this context without counting their length."""
    return STEPS * LONGEST_OWN // max(longest_text(context), LONGEST_OWN)


def check_output(text: str) -> None:
    """Raise Refused for what is larger than any mail."""
    if len(text) > MAX_OUTPUT:
        raise Refused(f"It comes to more than {MAX_OUTPUT // 1_000_000} MB.")
