"""Django's template language, cut down to what a mail needs: few tags, no loading, and no unknown variable."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.template import Context, Engine, Node, Template, TemplateSyntaxError, VariableDoesNotExist
from django.template.base import FilterExpression, Lexer, NodeList, Parser, Token, Variable
from django.template.defaultfilters import default, default_if_none

#: More than any mail needs; beyond it a source is refused before it is parsed.
MAX_SOURCE_BYTES = 200_000
#: What plain data can make nodes and filters raise.
FAILURES = (ArithmeticError, LookupError, TypeError, ValueError, AttributeError)
_DEFAULTING = (default, default_if_none)


class TemplateError(Exception):
    """The template can't be used, or can't be filled with this context; the message says why, in a sentence."""


class UnknownVariable(TemplateError):
    """The template names something that the context does not have."""


def parse(source: str, name: str = "template") -> "MailTemplate":
    """The source as a template. Raises TemplateError with the line of the fault."""
    if len(source.encode()) > MAX_SOURCE_BYTES:
        raise TemplateError(f"{name} is larger than {MAX_SOURCE_BYTES // 1000} KB.")
    try:
        return MailTemplate(source, name=name, engine=ENGINE)
    except TemplateSyntaxError as error:
        line = getattr(getattr(error, "token", None), "lineno", None)
        raise TemplateError(f"{name}{f', line {line}' if line else ''}: {error}") from error
    except RecursionError as error:
        raise TemplateError(f"{name} nests its tags too deeply.") from error


def render(template: Template, context: dict[str, Any], autoescape: bool) -> str:
    """The template filled with plain data. Raises UnknownVariable, or TemplateError for any other failure."""
    return render_nodes(template.nodelist, bind(template, context, autoescape))


def bind(template: Template, context: dict[str, Any], autoescape: bool) -> Context:
    """A Django context over plain data, ready for `render_nodes`; a time is shown in the zone that it has."""
    bound = Context(context, autoescape=autoescape, use_tz=False)
    bound.template = template
    return bound


def render_nodes(nodes: NodeList, context: Context) -> str:
    """Nodes as text. Raises UnknownVariable, or TemplateError for any other failure."""
    with told_as_template_errors():
        return "".join([node.render(context) for node in nodes])


@contextmanager
def told_as_template_errors() -> Iterator[None]:
    """Whatever Django's nodes raise becomes UnknownVariable, or TemplateError."""
    try:
        yield
    except VariableDoesNotExist as error:  # in a filter's argument, which Django's own code looks up
        raise UnknownVariable(f"{error}.") from error
    except FAILURES as error:
        raise TemplateError(f"The template could not be filled: {error}") from error


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

    def __init__(self, token: str, parser: Parser) -> None:
        """Parse `name|filter:argument`. Raises TemplateSyntaxError."""
        super().__init__(token, parser)
        if self.is_var:
            self.var = PlainVariable(self.var.var)
        self.filters = [
            (function, [(lookup, PlainVariable(value.var) if lookup else value) for lookup, value in arguments])
            for function, arguments in self.filters
        ]
        self.has_default = any(function in _DEFAULTING for function, _ in self.filters)

    def resolve(self, context: Context, ignore_failures: bool = False) -> Any:
        """The value. Raises UnknownVariable."""
        if not self.is_var or ignore_failures or self.has_default:
            return super().resolve(context, ignore_failures=True)
        try:
            value = self.var.resolve(context)
        except VariableDoesNotExist as error:
            raise UnknownVariable(f"{self.var} is not known.") from error
        return super().resolve(context) if self.filters else value

    def variables(self) -> Iterator[Variable]:
        """The variables that the expression reads, those in its filters' arguments too."""
        if self.is_var:
            yield self.var
        for _, arguments in self.filters:
            yield from (value for is_variable, value in arguments if is_variable)


class StrictParser(Parser):
    """A parser that makes strict expressions, and keeps them so that they can be checked."""

    def __init__(self, *args: Any) -> None:
        """Same arguments as Django's parser."""
        super().__init__(*args)
        self.expressions: list[StrictExpression] = []

    def compile_filter(self, token: str) -> StrictExpression:
        """A variable with its filters. Raises TemplateSyntaxError."""
        expression = StrictExpression(token, self)
        self.expressions.append(expression)
        return expression


class MailTemplate(Template):
    """A template of the sandbox."""

    expressions: list[StrictExpression]

    def compile_nodelist(self) -> NodeList:
        """Parse with the strict parser; Django's own differs only in this."""
        tokens: list[Token] = Lexer(self.source).tokenize()
        parser = StrictParser(tokens, {}, self.engine.template_builtins, self.origin)
        nodes = parser.parse()
        self.expressions = parser.expressions
        self.extra_data = parser.extra_data
        return nodes


class MailEngine(Engine):
    """An engine that knows no files, no libraries, and only our tags."""

    default_builtins = ["mailer.templating.builtins"]


ENGINE = MailEngine(dirs=[], app_dirs=False, loaders=[("django.template.loaders.locmem.Loader", {})])


def walk(nodes: NodeList) -> Iterator[Node]:
    """Every node, children after their parent."""
    for node in nodes:
        yield node
        for attribute in node.child_nodelists:
            yield from walk(getattr(node, attribute, None) or NodeList())
        for _, branch in getattr(node, "conditions_nodelists", ()):
            yield from walk(branch)
