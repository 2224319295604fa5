"""A mail filled in two steps: composed once for all who get the same content, then merged for each recipient.

Composing renders every node that does not depend on the recipient, with Django's own nodes, so that what remains to be
done a million times is to join a few strings.
"""

from dataclasses import dataclass
from typing import Any

from django.template import Context, Node
from django.template.base import NodeList, TextNode
from django.template.defaulttags import CycleNode, FirstOfNode, IfNode, WithNode
from django.utils import translation

from mailer.templating.compile import CompiledTemplate
from mailer.templating.sandbox import MailTemplate, StrictExpression, bind, render_nodes, walk

#: The names in a context that differ from one recipient of a composition to the next.
PERSONAL = frozenset({"recipient", "links"})


@dataclass(frozen=True)
class Rendered:
    """A mail's three parts as one person reads them."""

    subject: str
    html: str
    text: str


@dataclass(frozen=True)
class Field:
    """Nodes that wait for a recipient, with what else they can see."""

    nodes: NodeList
    template: MailTemplate
    scope: dict[str, Any]
    autoescape: bool

    def fill(self, personal: dict[str, Any]) -> str:
        """The nodes' text for one recipient. Raises TemplateError."""
        return render_nodes(self.nodes, bind(self.template, self.scope | personal, self.autoescape))


Parts = tuple[str | Field, ...]


@dataclass(frozen=True)
class Composition:
    """A mail in which only the recipient's own fields are open."""

    subject: Parts
    html: Parts
    text: Parts
    language: str

    def merge(self, personal: dict[str, Any]) -> Rendered:
        """The mail for one recipient, from `{"recipient": …, "links": …}`. Raises TemplateError."""
        with translation.override(self.language):
            subject = " ".join(_fill(self.subject, personal).split())
            return Rendered(subject, _fill(self.html, personal), _fill(self.text, personal).strip() + "\n")


def compose(compiled: CompiledTemplate, context: dict[str, Any]) -> Composition:
    """The mail for all who get this context (its `language` decides how dates read). Raises TemplateError."""
    language = str(context.get("language") or "en")
    with translation.override(language):
        return Composition(
            subject=_evaluate(compiled.subject, context, autoescape=False),
            html=_evaluate(compiled.html, context, autoescape=True),
            text=_evaluate(compiled.text, context, autoescape=False),
            language=language,
        )


def _fill(parts: Parts, personal: dict[str, Any]) -> str:
    return "".join([part if isinstance(part, str) else part.fill(personal) for part in parts])


def _evaluate(template: MailTemplate, context: dict[str, Any], autoescape: bool) -> Parts:
    if any(_assigns(node) for node in walk(template.nodelist)):
        # A name that a tag sets for all that follows can't be followed from node to node: nothing is done ahead.
        return (Field(template.nodelist, template, context, autoescape),)
    found: list[str | Field] = []
    _Evaluation(template, autoescape, found).visit(template.nodelist, bind(template, context, autoescape))
    return _joined(found)


def _assigns(node: Node) -> bool:
    return bool((isinstance(node, FirstOfNode) and node.asvar) or (isinstance(node, CycleNode) and node.variable_name))


def _joined(parts: list[str | Field]) -> Parts:
    joined: list[str | Field] = []
    for part in parts:
        if isinstance(part, str) and joined and isinstance(joined[-1], str):
            joined[-1] += part
        else:
            joined.append(part)
    return tuple(joined)


@dataclass(frozen=True)
class _Evaluation:
    template: MailTemplate
    autoescape: bool
    found: list[str | Field]

    def visit(self, nodes: NodeList, context: Context) -> None:
        for node in nodes:
            if isinstance(node, TextNode):
                self.found.append(node.s)
            elif not _is_personal(node):
                self.found.append(render_nodes(NodeList([node]), context))
            elif not self._opened(node, context):
                scope: dict[Any, Any] = context.flatten()
                self.found.append(Field(NodeList([node]), self.template, scope, self.autoescape))

    def _opened(self, node: Node, context: Context) -> bool:
        """Whether the node itself could be decided now, so that only parts of its inside stay open."""
        if isinstance(node, WithNode) and not any(map(_reads_personal, node.extra_context.values())):
            values = {name: expression.resolve(context) for name, expression in node.extra_context.items()}
            with context.push(**values):
                self.visit(node.nodelist, context)
            return True
        if isinstance(node, IfNode) and not any(_condition_is_personal(c) for c, _ in node.conditions_nodelists):
            for condition, branch in node.conditions_nodelists:
                if condition is None or condition.eval(context):  # type: ignore[arg-type]
                    self.visit(branch, context)
                    break
            return True
        return False


def _is_personal(node: Node) -> bool:
    return any(_reads_personal(value) for inner in walk(NodeList([node])) for value in vars(inner).values()) or any(
        _condition_is_personal(condition)
        for inner in walk(NodeList([node]))
        for condition, _ in getattr(inner, "conditions_nodelists", ())
    )


def _reads_personal(value: Any) -> bool:
    if isinstance(value, StrictExpression):
        return any(variable.lookups and variable.lookups[0] in PERSONAL for variable in value.variables())
    if isinstance(value, dict):
        return any(map(_reads_personal, value.values()))
    if isinstance(value, list | tuple) and not isinstance(value, NodeList):
        return any(map(_reads_personal, value))
    return False


def _condition_is_personal(condition: Any) -> bool:
    """Whether an `{% if %}` expression, a tree of operators over literals, reads the recipient."""
    if condition is None:
        return False
    operands = (getattr(condition, "first", None), getattr(condition, "second", None))
    return _reads_personal(getattr(condition, "value", None)) or any(map(_condition_is_personal, operands))
