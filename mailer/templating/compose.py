"""A mail filled in two steps: composed once for all who get the same content, then merged for each recipient.

Composing writes every node that does not depend on the recipient, so that what remains to be done a million times is to
fill a few fields and join a few strings. Both are done by generated functions where there can be such, else by Django's
own nodes.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby
from typing import Any

from django.template import Context, Node, VariableDoesNotExist
from django.template.base import NodeList, TextNode
from django.template.defaulttags import CycleNode, FirstOfNode, IfNode, NowNode, WithNode
from django.utils import translation
from django.utils.translation import get_supported_language_variant

from mailer.templating.budget import STEPS, WORK, Budget, check_output, steps_for
from mailer.templating.compile import CompiledTemplate
from mailer.templating.generate import Generated, generate
from mailer.templating.inlining import inline_rendered
from mailer.templating.personal import PERSONAL, asks_for_links_only, is_personal
from mailer.templating.sandbox import FAILURES, MailTemplate, bind, render_nodes, told_as_template_errors, walk


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
    generated: Generated | None  #: gives the nodes' text, or raises; None where there can be no such function
    steps: int = STEPS  #: that generated code may take in loops, uncounted
    budget: Budget = field(default_factory=Budget)  #: of Django's nodes, for all fields of the mail

    def fill(self, personal: dict[str, Any]) -> str:
        """The text for one recipient. Raises TemplateError."""
        if self.generated is not None:
            try:
                return self.generated(self.scope, personal, self.steps)
            except FAILURES:
                pass  # Django's nodes know what to do, or say what is wrong
        return render_nodes(self.nodes, bind(self.template, self.scope | personal, self.autoescape, self.budget))


Parts = tuple[str | Field, ...]


@dataclass(frozen=True)
class Composition:
    """A mail in which only the recipient's own fields are open."""

    subject: Parts
    html: Parts
    text: Parts
    language: str
    inlined_late: bool
    budget: Budget

    def merge(self, personal: dict[str, Any]) -> Rendered:
        """The mail for one recipient, from `{"recipient": …, "links": …}`. Raises TemplateError."""
        self.begin()
        with translation.override(self.language):
            subject = self.merge_subject(personal)
            html = fill(self.html, personal)
            text = fill(self.text, personal).strip() + "\n"
        with told_as_template_errors():
            check_output(html)
            check_output(text)
        return Rendered(subject, inline_rendered(html) if self.inlined_late else html, text)

    def begin(self) -> None:
        """Whoever fills the fields begins a mail: it may make as much work as the one before."""
        self.budget.left = WORK

    def merge_subject(self, personal: dict[str, Any]) -> str:
        """The subject alone, in the language that is active. Raises TemplateError."""
        if self._shared_subject is not None:
            return self._shared_subject
        return _on_one_line(fill(self.subject, personal))

    @cached_property
    def _shared_subject(self) -> str | None:
        """The subject, if nothing in it is open."""
        return None if any(isinstance(part, Field) for part in self.subject) else _on_one_line(fill(self.subject, {}))


def compose(compiled: CompiledTemplate, context: dict[str, Any], personal: frozenset[str] = PERSONAL) -> Composition:
    """The mail for all who get this context (its `language` decides how dates read). Raises TemplateError.

    `links` in the context, if given, says which links they all have: names with true or false. `personal` are the
    names that `merge` will be given.
    """
    language = _known_language(str(context.get("language") or "en"))
    with translation.override(language), told_as_template_errors():
        work = _Work(personal, steps_for(context))
        return Composition(
            subject=_evaluate(compiled.subject, context, work, autoescape=False),
            html=_evaluate(compiled.html, context, work, autoescape=True),
            text=_evaluate(compiled.text, context, work, autoescape=False),
            language=language,
            inlined_late=bool(compiled.inlined_late),
            budget=work.merging,
        )


def _known_language(code: str) -> str:
    """The language, or one that it is a kind of; Django would keep whatever is named in memory for ever."""
    try:
        return get_supported_language_variant(code)
    except (LookupError, ValueError):
        return "en"


def fill(parts: Parts, personal: dict[str, Any]) -> str:
    """The parts' text for one recipient. Raises TemplateError."""
    return "".join([part if isinstance(part, str) else part.fill(personal) for part in parts])


def joined(parts: Iterable[str | Field]) -> Parts:
    """The same parts with neighbouring texts as one."""
    together: list[str | Field] = []
    for is_text, neighbours in groupby(parts, lambda part: isinstance(part, str)):
        found = list(neighbours)
        together += ["".join(map(str, found))] if is_text else found
    return tuple(together)


def _on_one_line(subject: str) -> str:
    return " ".join(subject.split())


@dataclass(frozen=True)
class _Work:
    """What the parts of a mail have in common while they are composed."""

    personal: frozenset[str]
    steps: int  #: that generated code may take over this context, uncounted
    composing: Budget = field(default_factory=Budget)
    merging: Budget = field(default_factory=Budget)


def _evaluate(template: MailTemplate, context: dict[str, Any], work: _Work, autoescape: bool) -> Parts:
    if any(_assigns(node) for node in walk(template.nodelist)):
        # A name that a tag sets for all that follows can't be followed from node to node: nothing is done ahead.
        return (Field(template.nodelist, template, context, autoescape, generated=None, budget=work.merging),)
    evaluation = _Evaluation(template, work, autoescape, [])
    evaluation.visit(template.nodelist, bind(template, context, autoescape, work.composing))
    check_output("".join([part for part in evaluation.found if isinstance(part, str)]))
    return joined(evaluation.found)


def _assigns(node: Node) -> bool:
    return bool(
        (isinstance(node, FirstOfNode | NowNode) and node.asvar) or (isinstance(node, CycleNode) and node.variable_name)
    )


@dataclass(frozen=True)
class _Evaluation:
    template: MailTemplate
    work: _Work
    autoescape: bool
    found: list[str | Field]

    @property
    def personal(self) -> frozenset[str]:
        return self.work.personal

    def visit(self, nodes: NodeList, context: Context) -> None:
        scope = context.flatten()
        for node in nodes:
            if isinstance(node, TextNode):
                self.found.append(node.s)
            elif not is_personal(node, self.personal):
                self.found.append(self._field(node, scope, frozenset(), self.work.composing).fill({}))
            elif not self._opened(node, context):
                self.found.append(self._field(node, scope, self.personal, self.work.merging))

    def _field(self, node: Node, scope: dict[Any, Any], own: frozenset[str], budget: Budget) -> Field:
        steps, nodes = self.work.steps, NodeList([node])
        # What is written outside loops is counted here, once; too much of it is left to Django's nodes.
        generated = generate(node, own, self.autoescape) if self.template.steps <= steps else None
        share = steps // max(1, self.template.loops)
        return Field(nodes, self.template, scope, self.autoescape, generated, share, budget)

    def _opened(self, node: Node, context: Context) -> bool:
        """Whether the node itself could be decided now, so that only parts of its inside stay open."""
        if isinstance(node, WithNode) and not is_personal(node, self.personal, inside=False):
            values = {name: expression.resolve(context) for name, expression in node.extra_context.items()}
            with context.push(**values):
                self.visit(node.nodelist, context)
            return True
        # Who gets the same composition has the same links, if not the same addresses in them.
        if isinstance(node, IfNode) and (
            not is_personal(node, self.personal, inside=False)
            or ("links" in context and asks_for_links_only(node, self.personal))
        ):
            chosen = (branch for condition, branch in node.conditions_nodelists if _holds(condition, context))
            self.visit(next(chosen, NodeList()), context)
            return True
        return False


def _holds(condition: Any, context: Context) -> bool:
    """As IfNode decides it."""
    try:
        return condition is None or bool(condition.eval(context))
    except VariableDoesNotExist:
        return False
