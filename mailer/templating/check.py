"""What is said to a template's author when it is saved: syntax, places, and variables that no context will have."""

from collections.abc import Iterator
from typing import Any

from django.template.base import Variable
from django.template.defaulttags import ForNode, WithNode

from mailer.models import TemplateVersion
from mailer.templating.compile import CompiledTemplate, compile_sources
from mailer.templating.compose import Rendered, compose
from mailer.templating.contexts import Links, Person, personal_context
from mailer.templating.markup import check_filled
from mailer.templating.sandbox import MailTemplate, UnknownVariable, walk

LEAVE = "links.unsubscribe"
#: Where any name may follow, because people's own data stand there.
_OPEN_ENDED = ("recipient", "attributes")


def check_sources(subject: str, html: str, text: str, sample: dict[str, Any]) -> Rendered:
    """The mail filled with its sample, if all is well. Raises TemplateError with the part and the reason."""
    compiled = compile_sources(subject, html, text)
    for part in ("subject", "html", "text"):
        for variable in unknown_variables(getattr(compiled, part), sample):
            raise UnknownVariable(f"{part}: {variable[0]} is not known; the sample context has no such name.")
    return _fill(compiled, sample)


def check_context(subject: str, html: str, text: str, context: dict[str, Any]) -> None:
    """Whether the mail can be filled with this context, for anybody. Raises TemplateError naming what is missing."""
    somebody = personal_context(Person(0, "somebody@example.com", "Somebody"), Links())
    _fill(compile_sources(subject, html, text), context | somebody)


def can_be_left(version: TemplateVersion) -> bool:
    """Whether the mail names the link to unsubscribe in all its parts and languages, as one to a list has to."""
    every = [version.parts(), *(version.parts(language) for language in version.translations)]
    return all(LEAVE in parts.html and LEAVE in parts.text for parts in every)


def unknown_variables(template: MailTemplate, sample: dict[str, Any]) -> list[tuple[str, int]]:
    """The dotted names in the template, in loops and conditions too, that the sample lacks, and their lines."""
    local = {"forloop"} | set(_assigned(template))
    return [
        (str(variable.var), expression.line)
        for expression in template.expressions
        for variable in expression.variables()
        if variable.lookups and variable.lookups[0] not in local and not _is_known(variable, sample)
    ]


def _fill(compiled: CompiledTemplate, sample: dict[str, Any]) -> Rendered:
    personal = {name: sample.get(name, {}) for name in ("recipient", "links")}
    mail = compose(compiled, sample).merge(personal)
    check_filled(mail.html)
    return mail


def _assigned(template: MailTemplate) -> Iterator[str]:
    for node in walk(template.nodelist):
        if isinstance(node, ForNode):
            yield from node.loopvars
        if isinstance(node, WithNode):
            yield from node.extra_context
        name = getattr(node, "asvar", None) or getattr(node, "variable_name", None)
        if name:
            yield name


def _is_known(variable: Variable, sample: dict[str, Any]) -> bool:
    lookups = variable.lookups or ()
    if lookups[: len(_OPEN_ENDED)] == _OPEN_ENDED:
        return True
    value: Any = sample
    for name in lookups:
        if isinstance(value, list) and name.isdigit() and value:
            value = value[0]
            continue
        if not isinstance(value, dict) or name not in value:
            return False
        value = value[name]
    return True
