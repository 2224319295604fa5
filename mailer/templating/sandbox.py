"""Django's template language, cut down to what a mail needs: few tags, no loading, and no unknown variable."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.template import Context, Engine, Node, Template, TemplateSyntaxError, VariableDoesNotExist
from django.template.base import Lexer, NodeList

from mailer.templating.budget import Budget, Refused
from mailer.templating.loops import branches, steps_of
from mailer.templating.parser import (
    FAILURES,
    MAX_DEPTH,
    MAX_SOURCE,
    StrictExpression,
    StrictParser,
    TemplateError,
    UnknownVariable,
    check_size,
)

__all__ = ["FAILURES", "StrictExpression", "TemplateError", "UnknownVariable"]


def parse(source: str, name: str = "template", most: int = MAX_SOURCE) -> "MailTemplate":
    """The source, of at most so many bytes, as a template. Raises TemplateError with the line of the fault."""
    check_size(source, name, most)
    try:
        return MailTemplate(source, name=name, engine=ENGINE)
    except TemplateSyntaxError as error:
        line = getattr(getattr(error, "token", None), "lineno", None)
        raise TemplateError(f"{name}{f', line {line}' if line else ''}: {error}") from error
    except RecursionError as error:
        raise TemplateError(f"{name}: Tags nest more than {MAX_DEPTH} deep.") from error


def render(template: Template, context: dict[str, Any], autoescape: bool, budget: Budget | None = None) -> str:
    """The template filled with plain data. Raises UnknownVariable, or TemplateError for any other failure."""
    return render_nodes(template.nodelist, bind(template, context, autoescape, budget))


def bind(template: Template, context: dict[str, Any], autoescape: bool, budget: Budget | None = None) -> Context:
    """A Django context over plain data, ready for `render_nodes`; a time is shown in the zone that it has."""
    bound = MailContext(context, autoescape=autoescape, use_tz=False)
    bound.template, bound.budget = template, budget or Budget()
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
    except Refused as error:
        raise TemplateError(str(error)) from error
    except (*FAILURES, RecursionError) as error:
        raise TemplateError("A tag or a condition does not fit what stands there.") from error


class MailContext(Context):
    """A context with the budget that work over it is taken off."""

    budget: Budget


class MailTemplate(Template):
    """A template of the sandbox."""

    expressions: list[StrictExpression]
    loops: int  #: those that stand in no other
    steps: int  #: texts that it writes outside of loops

    def compile_nodelist(self) -> NodeList:
        """Parse with the strict parser; Django's own differs only in this."""
        parser = StrictParser(Lexer(self.source).tokenize(), {}, self.engine.template_builtins, self.origin)
        nodes = parser.parse()
        self.expressions, self.loops = parser.expressions, parser.loops
        self.extra_data, self.steps = parser.extra_data, steps_of(nodes)
        return nodes


class MailEngine(Engine):
    """An engine that knows no files, no libraries, and only our tags."""

    default_builtins = ["mailer.templating.builtins"]


ENGINE = MailEngine(dirs=[], app_dirs=False, loaders=[("django.template.loaders.locmem.Loader", {})])


def walk(nodes: NodeList) -> Iterator[Node]:
    """Every node, children after their parent."""
    for node in nodes:
        yield node
        for branch in branches(node):
            yield from walk(branch)
