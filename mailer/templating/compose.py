"""A mail filled in two steps: composed once for all who get the same content, then merged for each recipient.

Composing renders every node that does not depend on the recipient, with Django's own nodes, so that what remains to be
done a million times is to fill a few fields and join a few strings.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from typing import Any

from django.template import Context, Node
from django.template.base import NodeList, TextNode, VariableNode
from django.template.defaulttags import CycleNode, FirstOfNode, IfNode, WithNode
from django.utils import translation

from mailer.templating.compile import CompiledTemplate
from mailer.templating.inlining import inline_rendered
from mailer.templating.personal import PERSONAL, asks_for_links_only, is_personal, read_names
from mailer.templating.sandbox import MailTemplate, PlainContext, StrictExpression, bind, render, render_nodes, walk

#: Nodes that set no names, and so need no Django context of their own.
_PLAIN = (IfNode, TextNode, VariableNode)


@dataclass(frozen=True)
class Rendered:
    """A mail's three parts as one person reads them."""

    subject: str
    html: str
    text: str


@dataclass(frozen=True)
class Field:
    """A node that waits for a recipient, with what else it can see."""

    nodes: NodeList
    template: MailTemplate
    scope: dict[str, Any]
    autoescape: bool
    plain: bool
    path: tuple[str, ...] = ()  #: of a bare variable such as `recipient.email`

    def fill(self, personal: dict[str, Any]) -> str:
        """The node's text for one recipient. Raises TemplateError."""
        if self.path:
            value: Any = personal
            for name in self.path:
                value = value.get(name) if isinstance(value, dict) else None
            if type(value) is str:  # what Django's node would give, for a tenth of its cost
                return escape(value) if self.autoescape else value
        names = self.scope | personal
        if self.plain:
            return render_nodes(self.nodes, PlainContext(names, self.autoescape))
        return render_nodes(self.nodes, bind(self.template, names, self.autoescape))


Parts = tuple[str | Field, ...]


@dataclass(frozen=True)
class Composition:
    """A mail in which only the recipient's own fields are open."""

    subject: Parts
    html: Parts
    text: Parts
    language: str
    inlined_late: bool

    def merge(self, personal: dict[str, Any]) -> Rendered:
        """The mail for one recipient, from `{"recipient": …, "links": …}`. Raises TemplateError."""
        with translation.override(self.language):
            subject = self.merge_subject(personal)
            html = fill(self.html, personal)
            text = fill(self.text, personal).strip() + "\n"
        return Rendered(subject, inline_rendered(html) if self.inlined_late else html, text)

    def merge_subject(self, personal: dict[str, Any]) -> str:
        """The subject alone, in the language that is active. Raises TemplateError."""
        return _on_one_line(fill(self.subject, personal))


def render_alone(compiled: CompiledTemplate, context: dict[str, Any]) -> Rendered:
    """The mail of one recipient, from shared and personal names together. Raises TemplateError.

    For those who share nothing with anybody this costs less than composing for them and merging once.
    """
    with translation.override(str(context.get("language") or "en")):
        html = render(compiled.html, context, autoescape=True)
        return Rendered(
            subject=_on_one_line(render(compiled.subject, context, autoescape=False)),
            html=inline_rendered(html) if compiled.inlined_late else html,
            text=render(compiled.text, context, autoescape=False).strip() + "\n",
        )


def compose(compiled: CompiledTemplate, context: dict[str, Any]) -> Composition:
    """The mail for all who get this context (its `language` decides how dates read). Raises TemplateError.

    `links` in the context, if given, says which links they all have: names with true or false.
    """
    language = str(context.get("language") or "en")
    with translation.override(language):
        return Composition(
            subject=_evaluate(compiled.subject, context, autoescape=False),
            html=_evaluate(compiled.html, context, autoescape=True),
            text=_evaluate(compiled.text, context, autoescape=False),
            language=language,
            inlined_late=bool(compiled.inlined_late),
        )


def fill(parts: Parts, personal: dict[str, Any]) -> str:
    """The parts' text for one recipient. Raises TemplateError."""
    return "".join([part if isinstance(part, str) else part.fill(personal) for part in parts])


def joined(parts: Iterable[str | Field]) -> Parts:
    """The same parts with neighbouring texts as one."""
    together: list[str | Field] = []
    for part in parts:
        if isinstance(part, str) and together and isinstance(together[-1], str):
            together[-1] += part
        else:
            together.append(part)
    return tuple(together)


def _on_one_line(subject: str) -> str:
    return " ".join(subject.split())


def _evaluate(template: MailTemplate, context: dict[str, Any], autoescape: bool) -> Parts:
    if any(_assigns(node) for node in walk(template.nodelist)):
        # A name that a tag sets for all that follows can't be followed from node to node: nothing is done ahead.
        return (Field(template.nodelist, template, context, autoescape, plain=False),)
    found: list[str | Field] = []
    _Evaluation(template, autoescape, found).visit(template.nodelist, bind(template, context, autoescape))
    return joined(found)


def _path(node: Node) -> tuple[str, ...]:
    """The names of a personal variable without filters; nothing for any other node."""
    expression = node.filter_expression if isinstance(node, VariableNode) else None
    if not isinstance(expression, StrictExpression) or not expression.is_var or expression.filters:
        return ()
    lookups = tuple(expression.var.lookups or ())
    return lookups if lookups and lookups[0] in PERSONAL else ()


def _assigns(node: Node) -> bool:
    return bool((isinstance(node, FirstOfNode) and node.asvar) or (isinstance(node, CycleNode) and node.variable_name))


@dataclass(frozen=True)
class _Evaluation:
    template: MailTemplate
    autoescape: bool
    found: list[str | Field]

    def visit(self, nodes: NodeList, context: Context) -> None:
        for node in nodes:
            if isinstance(node, TextNode):
                self.found.append(node.s)
            elif not is_personal(node):
                self.found.append(render_nodes(NodeList([node]), context))
            elif not self._opened(node, context):
                scope: dict[Any, Any] = context.flatten()
                plain = all(isinstance(inner, _PLAIN) for inner in walk(NodeList([node])))
                read = {name: scope[name] for name in read_names(node) if name in scope} if plain else scope
                path = _path(node)
                self.found.append(Field(NodeList([node]), self.template, read, self.autoescape, plain, path))

    def _opened(self, node: Node, context: Context) -> bool:
        """Whether the node itself could be decided now, so that only parts of its inside stay open."""
        if isinstance(node, WithNode) and not is_personal(node, inside=False):
            values = {name: expression.resolve(context) for name, expression in node.extra_context.items()}
            with context.push(**values):
                self.visit(node.nodelist, context)
            return True
        # Who gets the same composition has the same links, if not the same addresses in them.
        if isinstance(node, IfNode) and (
            not is_personal(node, inside=False) or ("links" in context and asks_for_links_only(node))
        ):
            for condition, branch in node.conditions_nodelists:
                if condition is None or condition.eval(context):  # type: ignore[arg-type]
                    self.visit(branch, context)
                    break
            return True
        return False
