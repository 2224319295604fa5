"""Django's parser for what an author may write: expressions are strict, and everything has a cap."""

import re
from collections.abc import Iterator
from typing import Any

from django.template import TemplateSyntaxError, VariableDoesNotExist
from django.template.base import FilterExpression, Node, NodeList, Parser, Token, Variable, VariableNode
from django.template.defaultfilters import default, default_if_none
from django.template.defaulttags import CycleNode, FirstOfNode
from django.utils.safestring import SafeData, mark_safe

from mailer.templating.budget import EACH, Refused, size_of
from mailer.templating.builtins import COSTS

#: More than any mail needs.
MAX_SOURCE, MAX_INLINED = 100_000, 500_000
MAX_TAGS, MAX_TAG, MAX_WORDS, MAX_FILTERS, MAX_DEPTH, MAX_LOOPS = 2_000, 1_000, 60, 10, 10, 3
#: What plain data can make nodes and filters raise.
FAILURES = (ArithmeticError, LookupError, TypeError, ValueError, AttributeError)
_DEFAULTING = (default, default_if_none)
_OPENING = re.compile(r"\{[{%#]")


class TemplateError(Exception):
    """The template can't be used, or can't be filled with this context; the message says why, in a sentence."""


class UnknownVariable(TemplateError):
    """The template names something that the context does not have."""


def check_size(source: str, name: str, most: int = MAX_SOURCE) -> None:
    """Raise TemplateError for a source that is too much to be read, or that no file could hold."""
    try:
        size = len(source.encode())
    except UnicodeEncodeError as error:
        raise TemplateError(f"{name} holds half of a character (a lone surrogate).") from error
    if size > most:
        raise TemplateError(f"{name} is larger than {most // 1000} KB.")
    if sum(1 for _ in _OPENING.finditer(source)) > MAX_TAGS:
        raise TemplateError(f"{name} has more than {MAX_TAGS:,} tags.")


class PlainVariable(Variable):
    """A dotted name that is looked up by key or index only: no attribute is read and nothing is called."""

    def _resolve_lookup(self, context: Any) -> Any:
        value = context
        try:
            for bit in self.lookups or ():
                value = value[int(bit)] if isinstance(value, list | tuple) else value[bit]
        except (LookupError, TypeError, ValueError) as error:
            raise VariableDoesNotExist("%s is not known", (self,)) from error
        return value


class StrictExpression(FilterExpression):
    """A variable with its filters, which must exist unless a condition or `default` allows for its absence."""

    def __init__(self, token: str, parser: "StrictParser") -> None:
        """Parse `name|filter:argument`. Raises TemplateSyntaxError."""
        super().__init__(token, parser)
        if len(self.filters) > MAX_FILTERS:
            raise TemplateSyntaxError(f"A variable can have up to {MAX_FILTERS} filters.")
        if self.is_var:
            self.var = PlainVariable(self.var.var)
        self.filters = [
            (function, [(lookup, PlainVariable(value.var) if lookup else value) for lookup, value in arguments])
            for function, arguments in self.filters
        ]
        self.has_default = any(function in _DEFAULTING for function, _ in self.filters)
        self.line: int = parser.line
        self.is_shown = False  #: rather than asked about or looped over

    def resolve(self, context: Any, ignore_failures: bool = False) -> Any:
        """The value; what it takes to get it goes off the context's budget. Raises TemplateError or Refused."""
        value = self._value(context, ignore_failures)
        for function, arguments in self.filters:
            value = self._filtered(function, value, arguments, context)
        context.budget.spend(EACH + (len(value) if isinstance(value, str) else 0))
        if self.is_shown and value and isinstance(value, dict | list | tuple):
            raise TemplateError(f"“{self.shown}” is a list or has parts: name what to show of it.")
        return value

    def _value(self, context: Any, ignore_failures: bool) -> Any:
        if not self.is_var:
            return self.var
        try:
            return self.var.resolve(context)
        except VariableDoesNotExist as error:
            if ignore_failures or self.has_default:
                return None
            raise UnknownVariable(f"{self.var} is not known.") from error

    def _filtered(self, function: Any, value: Any, arguments: list[tuple[bool, Any]], context: Any) -> Any:
        """As Django filters it, but for the time zone: a time is shown in the one that it has."""
        # As Django, a text in quotes is taken as the author's own HTML.
        given = [each.resolve(context) if is_variable else mark_safe(each) for is_variable, each in arguments]  # noqa: S308
        context.budget.spend(EACH + COSTS[function] * size_of(value))
        named = {"autoescape": context.autoescape} if getattr(function, "needs_autoescape", False) else {}
        try:
            filtered = function(value, *given, **named)
        except Refused:
            raise
        except FAILURES as error:
            raise TemplateError(f"“{self.shown}” does not fit what stands there.") from error
        keeps = getattr(function, "is_safe", False) and isinstance(value, SafeData)
        return mark_safe(filtered) if keeps else filtered  # noqa: S308 - as Django

    @property
    def shown(self) -> str:
        """Its source, as far as it fits into a sentence."""
        text = str(self.token)
        return text if len(text) <= 60 else f"{text[:59]}…"

    @property
    def steps(self) -> int:
        """How many texts it makes, a dear filter counted several times."""
        return self.is_shown + sum(max(1, COSTS[function] // 2) for function, _ in self.filters)

    def variables(self) -> Iterator[Variable]:
        """The variables that the expression reads, those in its filters' arguments too."""
        if self.is_var:
            yield self.var
        for _, arguments in self.filters:
            yield from (value for is_variable, value in arguments if is_variable)


class StrictParser(Parser):
    """A parser that makes strict expressions, keeps them so that they can be checked, and knows when it is enough."""

    def __init__(self, *args: Any) -> None:
        """Same arguments as Django's parser."""
        super().__init__(*args)
        self.expressions: list[StrictExpression] = []
        self.line = 0  #: of the tag that is being read
        self.loops = 0  #: those that stand in no other
        self._depth = 0
        self._open_loops = 0

    def next_token(self) -> Token:
        """The next token. Raises TemplateSyntaxError for a tag that is too long."""
        token = super().next_token()
        self.line = token.lineno or 0
        if token.token_type.value in (1, 2) and (
            len(token.contents) > MAX_TAG or len(token.contents.split()) > MAX_WORDS
        ):
            raise self.error(token, f"A tag can have up to {MAX_TAG:,} characters and {MAX_WORDS} words.")
        return token

    def parse(self, parse_until: Any = None) -> NodeList:
        """The nodes up to one of these tags. Raises TemplateSyntaxError for tags that nest too deeply."""
        self._depth += 1
        if self._depth > MAX_DEPTH + 1:
            raise TemplateSyntaxError(f"Tags nest more than {MAX_DEPTH} deep.")
        nodes: NodeList = super().parse(parse_until)
        self._depth -= 1
        return nodes

    def extend_nodelist(self, nodelist: NodeList, node: Node, token: Token) -> None:
        """Add the node, and note which of its expressions are shown."""
        shown: list[Any] = [node.filter_expression] if isinstance(node, VariableNode) else []
        shown += node.vars if isinstance(node, FirstOfNode) else node.cyclevars if isinstance(node, CycleNode) else []
        for expression in shown:
            expression.is_shown = True
        super().extend_nodelist(nodelist, node, token)

    def compile_filter(self, token: str) -> StrictExpression:
        """A variable with its filters. Raises TemplateSyntaxError."""
        expression = StrictExpression(token, self)
        self.expressions.append(expression)
        return expression

    def enter_loop(self) -> None:
        """A loop begins. Raises TemplateSyntaxError for one too deep in others."""
        self.loops += not self._open_loops
        self._open_loops += 1
        if self._open_loops > MAX_LOOPS:
            raise TemplateSyntaxError(f"Loops nest more than {MAX_LOOPS} deep.")

    def leave_loop(self) -> None:
        """It ends."""
        self._open_loops -= 1
