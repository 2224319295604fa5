"""Log lines as JSON, and the ids that lead from a request to the tasks that it began and their mailings."""

import json
import logging
import re
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from celery.signals import before_task_publish, task_postrun, task_prerun
from django.http import HttpRequest, HttpResponse

#: What a line may say beside its text. Celery and Django hang arguments and requests onto theirs, which stay out.
IDS = ("request_id", "task_id", "mailing_id")
#: The message's header by which a task learns which request it is for.
HEADER = "post_request_id"
_SANE = re.compile(r"[A-Za-z0-9._-]{8,64}")
#: Tasks whose first argument is a mailing's id.
_OF_MAILINGS = {f"mailer.tasks.{name}" for name in ("deliver", "plan_rest", "close", "count")}
_ids: ContextVar[Mapping[str, str]] = ContextVar("ids", default={})  # noqa: B039 - it is never changed


class JsonLine(logging.Formatter):
    """A record as one line of JSON: time (UTC), level, logger, message, the ids that are known, and the traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **_ids.get(),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def logging_settings(log_format: str, level: str) -> dict[str, Any]:
    """For dictConfig: plain lines to stderr, or JSON lines to stdout. Raises ValueError for another format."""
    if log_format not in ("", "text", "json"):
        raise ValueError(f"LOG_FORMAT is {log_format!r}; known are text and json")
    out = "ext://sys.stdout" if log_format == "json" else "ext://sys.stderr"
    formatter = {"()": JsonLine} if log_format == "json" else {"format": _PLAIN}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": formatter},
        "handlers": {"lines": {"class": "logging.StreamHandler", "formatter": "line", "stream": out}},
        "root": {"handlers": ["lines"], "level": level},
    }


_PLAIN = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def follow_request(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """The middleware: the request's X-Request-ID if it is sane, else a new one, is in all lines and the answer."""

    def answer(request: HttpRequest) -> HttpResponse:
        told = request.headers.get("X-Request-ID", "")
        request_id = told if _SANE.fullmatch(told) else uuid4().hex
        before = _ids.set({"request_id": request_id})
        try:
            response = get_response(request)
        finally:
            _ids.reset(before)
        response["X-Request-ID"] = request_id
        return response

    return answer


@before_task_publish.connect
def hand_on(headers: dict[str, Any] | None = None, **details: Any) -> None:
    """The message carries the id of the request, or of the task's request, that sends it."""
    request_id = _ids.get().get("request_id")
    if headers is not None and request_id:
        headers[HEADER] = request_id


@task_prerun.connect
def take_up(task_id: str, task: Any, args: Any = (), **details: Any) -> None:
    """The task's lines carry its own id, its request's, and its mailing's."""
    ids = {"request_id": getattr(task.request, HEADER, None), "task_id": task_id}
    if task.name in _OF_MAILINGS and args:
        ids["mailing_id"] = str(args[0])
    _ids.set({name: value for name, value in ids.items() if value})


@task_postrun.connect
def put_down(**details: Any) -> None:
    """What the worker does next is none of that task's."""
    _ids.set({})
