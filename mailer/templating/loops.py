"""Loops that are counted before they are run."""

from collections.abc import Iterator
from functools import cached_property
from typing import Any

from django.template import TemplateSyntaxError
from django.template.base import FilterExpression, Node, NodeList, TextNode
from django.template.defaulttags import ForNode, IfNode

from mailer.templating.budget import EACH, LONGEST_OWN, Refused


class BoundedForNode(ForNode):
    """Django's loop over a list or a dictionary that the context has; each round is taken off the budget first."""

    sequence: Any

    @cached_property
    def round_cost(self) -> int:
        """What one round costs besides its expressions: its nodes, and the text that stands between them."""
        return sum(_cost(node) for node in inside(self.nodelist_loop))

    def render(self, context: Any) -> Any:
        """As Django, after the rounds are paid for. Raises Refused."""
        try:
            rounds = len(listed(self.sequence.resolve(context, ignore_failures=True)))
        except TypeError as error:
            raise Refused(f"A loop goes over a list: “{self.sequence.shown}” is none.") from error
        context.budget.spend(rounds * (EACH + self.round_cost))
        return super().render(context)


def compile_loop(node: Any) -> BoundedForNode:
    """Django's node as a bounded one. Raises TemplateSyntaxError for a loop over a text in quotes or a number."""
    if not node.sequence.is_var:
        raise TemplateSyntaxError(f"A loop goes over a list that the mail has, not over {node.sequence.shown}.")
    return BoundedForNode(
        node.loopvars, node.sequence, node.is_reversed, node.nodelist_loop, getattr(node, "nodelist_empty", None)
    )


def listed(values: Any) -> Any:
    """What a loop goes over: nothing for None. Raises TypeError for what is no list or dictionary."""
    if values is None:
        return ()
    if isinstance(values, list | tuple | dict):
        return values
    raise TypeError("a loop goes over a list")


def inside(nodes: Any) -> list[Node]:
    """The nodes and all that is in them, but for what is in a loop, which counts for itself."""
    found: list[Node] = []
    for node in nodes:
        found.append(node)
        if isinstance(node, ForNode):
            found += inside(node.nodelist_empty)
            continue
        for branch in branches(node):
            found += inside(branch)
    return found


def branches(node: Node) -> list[NodeList]:
    """The lists of nodes that are in a node."""
    if isinstance(node, IfNode):  # whose own `nodelist` has all of them once more
        return [nodes for _, nodes in node.conditions_nodelists]
    return [getattr(node, attribute, None) or NodeList() for attribute in node.child_nodelists]


def steps_of(nodes: NodeList) -> int:
    """How many texts the nodes write or filter at most, loops in them left out; a dear filter counts for several."""
    steps = 1
    for node in inside(nodes):
        if isinstance(node, TextNode):
            steps += len(node.s) // LONGEST_OWN
        steps += sum(each.steps for each in expressions_of(node))
    return steps


def expressions_of(node: Node) -> Iterator[Any]:
    """The expressions in the node's own tag."""
    for value in vars(node).values():
        for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else (value,):
            if isinstance(each, FilterExpression):
                yield each
    for condition, _ in getattr(node, "conditions_nodelists", ()):
        yield from _in_condition(condition)


def _in_condition(condition: Any) -> Iterator[Any]:
    if condition is not None:
        if isinstance(getattr(condition, "value", None), FilterExpression):
            yield condition.value
        yield from _in_condition(getattr(condition, "first", None))
        yield from _in_condition(getattr(condition, "second", None))


def _cost(node: Node) -> int:
    return len(str(node.s)) if isinstance(node, TextNode) else EACH
