"""What a task of ours reported, in a sentence and in figures; the batches of mailings have their own summary."""

from dataclasses import dataclass, field
from typing import Any

from django_celery_results.models import TaskResult

from mailer.insight.batches import read_result
from mailer.insight.words import count_of

#: What figures are called where their name alone says too little.
_CALLED = {"retry": "to be tried again", "released": "given back"}


@dataclass(frozen=True)
class Report:
    """What a result says."""

    sentence: str = ""  #: nothing if it is of a kind that we don't know
    figures: list[tuple[str, int]] = field(default_factory=list)
    mailings: list[int] = field(default_factory=list)  #: by their ids


def report_of(result: TaskResult) -> Report:
    """The result, read; whatever it is."""
    content = read_result(result)
    if isinstance(content, dict) and "exc_type" in content:
        said = " ".join(map(str, content.get("exc_message") or ())).rstrip(".")
        return Report(f"It broke off: {content['exc_type']}{f': {said}' if said else ''}.")
    told = _TOLD.get(result.task_name or "")
    return told(content) if told and isinstance(content, dict) else Report()


def called(name: str) -> str:
    """A figure's name in words."""
    return _CALLED.get(name, name.replace("_", " "))


def _of_digest(content: dict[str, Any]) -> Report:
    mailings = [int(pk) for pk in content.get("mailings") or []]
    planned = f"planned {count_of(len(mailings), 'mailing')}" if mailings else "nothing was due"
    return Report(f"Digest {content.get('digest')}: {planned}.", mailings=mailings)


def _of_purge(content: dict[str, Any]) -> Report:
    figures = [(called(name), int(count)) for name, count in content.items() if isinstance(count, int)]
    is_any = any(count for _, count in figures)
    return Report("Deleted what the log need not keep." if is_any else "Nothing was old enough to be deleted.", figures)


def _of_notification(content: dict[str, Any]) -> Report:
    return Report("Wrote down one mail to one person.", mailings=[int(content["mailing"])])


_TOLD = {
    "mailer.tasks.send_digest": _of_digest,
    "mailer.tasks.purge": _of_purge,
    "mailer.tasks.notify_user": _of_notification,
}
