"""Tells what of a template depends on the recipient, from the names that its nodes read."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from django.template import Node
from django.template.base import NodeList
from django.template.defaulttags import IfNode

from mailer.templating.sandbox import StrictExpression, walk

#: The names in a context that differ from one recipient of a composition to the next.
PERSONAL = frozenset({"recipient", "links"})


@lru_cache(maxsize=1024)  # the same nodes are asked about for each range of a mailing and for each notification
def is_personal(node: Node, personal: frozenset[str], inside: bool = True) -> bool:
    """Whether the node, or without `inside` its own tag, reads any of the personal names."""
    nodes = walk(NodeList([node])) if inside else iter([node])
    return any(name in personal for inner in nodes for name in _names(inner))


def asks_for_links_only(node: IfNode, personal: frozenset[str]) -> bool:
    """Whether the node's conditions are about nothing personal but which links there are, as `{% if links.view %}`."""
    return all(_asks_for_links(condition, personal) for condition, _ in node.conditions_nodelists if condition)


def asked_names(node: IfNode) -> set[str]:
    """The names that the node's conditions read, not those that stand behind them."""
    return {name for condition, _ in node.conditions_nodelists for name in _names_in_condition(condition)}


def _names(node: Node) -> Iterator[str]:
    for value in vars(node).values():
        yield from _names_in(value)
    for condition, _ in getattr(node, "conditions_nodelists", ()):
        yield from _names_in_condition(condition)


def _names_in(value: Any) -> Iterator[str]:
    if isinstance(value, StrictExpression):
        yield from (variable.lookups[0] for variable in value.variables() if variable.lookups)
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _names_in(inner)
    elif isinstance(value, list | tuple) and not isinstance(value, NodeList):
        for inner in value:
            yield from _names_in(inner)


def _names_in_condition(condition: Any) -> Iterator[str]:
    """The names in an `{% if %}` expression, a tree of operators over literals."""
    if condition is not None:
        yield from _names_in(getattr(condition, "value", None))
        yield from _names_in_condition(getattr(condition, "first", None))
        yield from _names_in_condition(getattr(condition, "second", None))


def _asks_for_links(condition: Any, personal: frozenset[str]) -> bool:
    if condition.id == "literal":
        expression: StrictExpression = condition.value
        names = {variable.lookups[0] for variable in expression.variables() if variable.lookups} & personal
        return names <= {"links"} and not (names and expression.filters)
    if condition.id not in ("and", "or", "not"):
        return personal.isdisjoint(_names_in_condition(condition))
    return all(_asks_for_links(part, personal) for part in (condition.first, condition.second) if part)
