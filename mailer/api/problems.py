"""Errors as problem details (RFC 9457): what is wrong, in which field, and when to come again."""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, ValidationError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError
from ninja.errors import ValidationError as RequestError

MEDIA_TYPE = "application/problem+json"
#: Their schema, for the documents.
PROBLEM: dict[str, Any] = {
    "title": "Problem",
    "description": "Problem details (RFC 9457).",
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        **{name: {"type": "string"} for name in ("type", "title", "detail")},
        "status": {"type": "integer"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "detail"],
                "properties": {name: {"type": "string"} for name in ("field", "detail")},
            },
        },
    },
}
#: Faults that are told of one request.
MOST_TOLD = 100
#: What ninja puts before the names of a body's fields.
_WRAPPINGS = ("body", "query", "path", "header", "entries", "data", "filters")


class Problem(Exception):
    """Something that the caller has to know; `fields` says what is wrong with each of them."""

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        fields: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """`fields` are named as in the request: `items.3.title`."""
        super().__init__(detail)
        self.status, self.detail, self.fields, self.headers = status, detail, fields or {}, headers or {}


def handle_problems(api: NinjaAPI) -> None:
    """Have the API answer every error as problem details."""
    api.add_exception_handler(Problem, _answer)
    api.add_exception_handler(RequestError, lambda request, error: _answer(request, _of_request(error)))
    api.add_exception_handler(ValidationError, lambda request, error: _answer(request, _of_validation(error)))
    api.add_exception_handler(Http404, lambda request, error: _answer(request, _missing(error)))
    api.add_exception_handler(AuthenticationError, lambda request, error: _answer(request, _unknown_key()))
    api.add_exception_handler(RequestDataTooBig, lambda request, error: _answer(request, _too_big()))
    api.add_exception_handler(HttpError, lambda request, error: _answer(request, _plain(error)))


def missing(what: str) -> Problem:
    """There is no such thing."""
    return Problem(HTTPStatus.NOT_FOUND, f"There is no {what}.")


def _of_validation(error: Any) -> Problem:
    """What a model's own validation found."""
    by_field = error.message_dict if hasattr(error, "error_dict") else {"": error.messages}
    fields = {name: " ".join(messages) for name, messages in by_field.items()}
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "Some of it can't be used.", fields)


def _answer(request: HttpRequest, problem: Any) -> HttpResponse:
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": problem.status.phrase,
        "status": problem.status.value,
        "detail": problem.detail,
    }
    if problem.fields:
        told = list(problem.fields.items())[:MOST_TOLD]
        body["errors"] = [{"field": name, "detail": words} for name, words in told]
    response = JsonResponse(body, status=problem.status.value, content_type=MEDIA_TYPE)
    for name, value in problem.headers.items():
        response[name] = value
    return response


def _of_request(error: Any) -> Problem:
    fields = {_name(fault["loc"]): _sentence(fault) for fault in error.errors[:MOST_TOLD]}
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "Some of it can't be used.", fields)


def _name(place: Iterable[Any]) -> str:
    parts = [str(part) for part in place]
    while parts and parts[0] in _WRAPPINGS:
        parts.pop(0)
    return ".".join(parts)


def _sentence(fault: Mapping[str, Any]) -> str:
    return str(fault["msg"]).removeprefix("Value error, ")


def _missing(error: Any) -> Problem:
    return Problem(HTTPStatus.NOT_FOUND, str(error) or "There is nothing at this address.")


def _unknown_key() -> Problem:
    words = "Send a valid key in the header Authorization: Bearer ap_…; keys are made in the admin."
    return Problem(HTTPStatus.UNAUTHORIZED, words, headers={"WWW-Authenticate": "Bearer"})


def _too_big() -> Problem:
    words = f"The request is larger than {settings.DATA_UPLOAD_MAX_MEMORY_SIZE / 1_000_000:.0f} MB; send it in parts."
    return Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, words)


def _plain(error: Any) -> Problem:
    return Problem(HTTPStatus(error.status_code), str(error))
