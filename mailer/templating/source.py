"""Python source that is written line by line and made into a function.

No word of a template's author gets into it. The source consists of our own keywords and of names such as `k7` that we
number; text, keys and arguments are values bound to those names, and never read as code. The function has no builtins
but the few that it is given. What it does with those values is what Django's nodes do: look up by key or index, and
call the filters that `builtins` allows.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_GIVEN = {"enumerate": enumerate, "len": len, "reversed": reversed, "str": str, "type": type}


class Unknown(Exception):
    """Something in the template has no counterpart in generated code; Django's own nodes render it."""


class Source:
    """The body of one function, and the values that its names stand for."""

    def __init__(self) -> None:
        """An empty one."""
        self.is_plain = True  #: whether it has no line yet
        self._values: dict[str, Any] = {}
        self._names: dict[Any, str] = {}
        self._openings: dict[str, str] = {}
        self._lines: list[str] = []
        self._depth = 1
        self._locals = 0

    def bind(self, value: Any) -> str:
        """A name for the value; the same one for the same text or object."""
        key = (type(value), value) if isinstance(value, str) else id(value)  # what is bound stays, and so does its id
        if key not in self._names:
            self._names[key] = f"k{len(self._names)}"
            self._values[self._names[key]] = value
        return self._names[key]

    def local(self) -> str:
        """A name for a variable, not used before."""
        self._locals += 1
        return f"v{self._locals}"

    def opening(self, value: str, shared: bool = True) -> str:
        """A variable that begins as this expression's value; a shared one is the same for the same expression."""
        if shared and value in self._openings.values():
            return next(name for name, opening in self._openings.items() if opening == value)
        name = self.local()
        self._openings[name] = value
        return name

    def line(self, text: str) -> None:
        """Write a line of code."""
        self.is_plain = False
        self._lines.append("    " * self._depth + text)

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        """What is written inside belongs to the head, such as `if v1:`."""
        self.line(head)
        self._depth += 1
        length = len(self._lines)
        yield
        if len(self._lines) == length:
            self.line("pass")
        self._depth -= 1

    def text(self, parameters: str) -> str:
        """The source."""
        opening = [f"    {name} = {value}" for name, value in self._openings.items()]
        return "\n".join([f"def written({parameters}):", *opening, *self._lines, ""])

    def function(self, parameters: str) -> Callable[..., Any]:
        """The function. Raises Unknown for what Python can't compile, such as loops nested too deeply."""
        names: dict[str, Any] = {"__builtins__": {}} | _GIVEN | self._values
        try:
            code = compile(self.text(parameters), "<template>", "exec")
        except (SyntaxError, RecursionError, MemoryError) as error:
            raise Unknown(f"the template nests too deeply: {error}") from error
        exec(code, names)  # noqa: S102 - see this module's docstring
        written: Callable[..., Any] = names["written"]
        return written
