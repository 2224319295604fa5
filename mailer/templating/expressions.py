"""Variables, filters and conditions of a template as Python expressions that give what Django's evaluation gives.

An expression may raise where Django's would give a value or another error: then Django's own nodes are asked.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from operator import ge, gt, le, lt
from typing import Any

from django.template.base import Variable
from django.template.defaultfilters import default
from django.utils.safestring import SafeData, mark_safe
from django.utils.translation import get_language

from mailer.templating.builtins import ALLOWED
from mailer.templating.dates import date_writer
from mailer.templating.filters import EXACT, html_text, plain_text, truncatechars
from mailer.templating.sandbox import StrictExpression
from mailer.templating.source import Source, Unknown


@dataclass(frozen=True)
class Loop:
    """The variables that hold a loop's position and length."""

    index: str
    length: str
    outer: "Loop | None"


@dataclass(frozen=True)
class Scope:
    """What names mean where an expression stands."""

    own: frozenset[str]  #: those looked up in the parameter `own`; all others in `shared`
    autoescape: bool
    local: dict[str, str]  #: those that loops and `with` set, and the variables that hold them
    loop: Loop | None = None

    def having(self, local: dict[str, str], loop: Loop | None = None) -> "Scope":
        """The same with further names. Raises Unknown if they hide `forloop`."""
        if "forloop" in local:
            raise Unknown("a name hides forloop")
        return replace(self, local=self.local | local, loop=loop or self.loop)


def text_of(expression: StrictExpression, source: Source, scope: Scope) -> str:
    """The text that `{{ … }}` stands for."""
    return written(value_of(expression, source, scope), source, scope)


def written(value: str, source: Source, scope: Scope) -> str:
    """The text of an expression's value, escaped in HTML."""
    if scope.autoescape:
        return f"{source.bind(html_text)}({value})"
    name = source.local()
    return f"({name} if type({name} := {value}) is str else {source.bind(plain_text)}({name}))"


def value_of(expression: StrictExpression, source: Source, scope: Scope, optional: bool = False) -> str:
    """The value after all filters; of a name that is missing None, if it is optional. Raises Unknown."""
    if not expression.is_var:
        value = source.bind(expression.var)
    else:
        value = _look_up(expression.var, source, scope, optional or expression.has_default)
    for function, arguments in expression.filters:
        value = _filtered(function, [value, *_arguments(arguments, source, scope)], arguments, source, scope)
    return value


def condition_of(condition: Any, source: Source, scope: Scope) -> str:
    """Whether the condition of an `{% if %}` holds. Raises Unknown."""
    if condition.id == "literal":
        return value_of(condition.value, source, scope, optional=True)
    first = condition_of(condition.first, source, scope)
    if condition.id == "not":
        return f"(not {first})"
    second = condition_of(condition.second, source, scope)
    if condition.id in _GUARDED:
        return f"{source.bind(_GUARDED[condition.id])}({first}, {second})"
    if condition.id in ("and", "or", "==", "!=", "is", "is not"):
        return f"({first} {condition.id} {second})"
    raise Unknown(f"operator {condition.id}")


def _arguments(arguments: list[tuple[bool, Any]], source: Source, scope: Scope) -> list[str]:
    return [
        _look_up(value, source, scope, optional=False) if is_variable else source.bind(mark_safe(value))  # noqa: S308 - as Django
        for is_variable, value in arguments
    ]


def _filtered(function: Any, given: list[str], arguments: list[tuple[bool, Any]], source: Source, scope: Scope) -> str:
    is_constant = all(not is_variable for is_variable, _ in arguments)
    if function is default and is_constant:
        return f"({given[0]} or {given[1]})"
    # The function that is written is for one language: which that is, Django would have to look up for each item.
    if function is ALLOWED["date"] and is_constant and arguments:
        return f"{source.bind(date_writer(str(arguments[0][1]), get_language()))}({given[0]})"
    if function is ALLOWED["truncatechars"]:
        return f"{source.bind(partial(truncatechars, get_language()))}({', '.join(given)})"
    if getattr(function, "needs_autoescape", False):
        function_name = source.bind(partial(function, autoescape=scope.autoescape))
    else:
        function_name = source.bind(EXACT.get(function, function))
    if getattr(function, "is_safe", False) and function not in EXACT:
        return f"{source.bind(_kept_safe)}({', '.join([function_name, *given])})"
    return f"{function_name}({', '.join(given)})"


def _look_up(variable: Variable, source: Source, scope: Scope, optional: bool) -> str:
    if variable.lookups is None:
        return source.bind(variable.resolve({}))
    name, *keys = variable.lookups
    if name == "forloop" and scope.loop is not None:
        return _of_loop(keys, scope.loop)
    local = scope.local.get(name)
    place = "own" if name in scope.own else "shared"
    if optional:
        return _look_up_softly(local, f"{place}.get({source.bind(name)})", keys, source)
    value = local or f"{place}[{source.bind(name)}]"
    for key in keys:
        bound = source.bind(key)
        value = f"{source.bind(_at)}({value}, {bound})" if _is_number(key) else f"{value}[{bound}]"
    return value


def _look_up_softly(local: str | None, elsewhere: str, keys: list[str], source: Source) -> str:
    """None for what is missing."""
    if local and len(keys) == 1 and not _is_number(keys[0]):
        return f"{local}.get({source.bind(keys[0])})"  # raises for what is no dictionary
    if keys:
        return f"{source.bind(_reached)}({', '.join([local or elsewhere, *map(source.bind, keys)])})"
    return local or elsewhere


def _of_loop(keys: list[str], loop: Loop) -> str:
    while keys[:1] == ["parentloop"] and loop.outer is not None:
        keys, loop = keys[1:], loop.outer
    values = {
        "counter": f"({loop.index} + 1)",
        "counter0": loop.index,
        "revcounter": f"({loop.length} - {loop.index})",
        "revcounter0": f"({loop.length} - {loop.index} - 1)",
        "first": f"({loop.index} == 0)",
        "last": f"({loop.index} == {loop.length} - 1)",
    }
    if len(keys) != 1 or keys[0] not in values:
        raise Unknown(f"forloop.{'.'.join(keys)}")
    return values[keys[0]]


def _is_number(key: str) -> bool:
    try:
        int(key)
    except ValueError:
        return False
    return True


def _at(value: Any, key: str) -> Any:
    """One step of PlainVariable's look-up."""
    return value[int(key)] if isinstance(value, list | tuple) else value[key]


def _reached(value: Any, *keys: str) -> Any:
    """All of its steps; None if something is missing."""
    try:
        for key in keys:
            value = value[int(key)] if isinstance(value, list | tuple) else value[key]
    except (LookupError, TypeError, ValueError):
        return None
    return value


def _kept_safe(function: Callable[..., Any], value: Any, *arguments: Any) -> Any:
    filtered = function(value, *arguments)
    return mark_safe(filtered) if isinstance(value, SafeData) else filtered  # noqa: S308 - as Django


def _guarded(compare: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """The comparison, false for what can't be compared."""

    def compared(first: Any, second: Any) -> Any:
        try:
            return compare(first, second)
        except TypeError:
            return False

    return compared


_GUARDED = {
    "<": _guarded(lt),
    "<=": _guarded(le),
    ">": _guarded(gt),
    ">=": _guarded(ge),
    "in": _guarded(lambda first, second: first in second),
    "not in": _guarded(lambda first, second: first not in second),
}
