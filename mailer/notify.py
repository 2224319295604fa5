"""The public Python API: one templated mail to one person, now or later."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from celery.result import AsyncResult

from mailer import tasks
from mailer.models import Recipient
from mailer.scheduling.notifications import File


def notify_user(  # noqa: PLR0913 - the public signature; the three behind the star are rarely given
    recipient: Recipient | str | int,
    template: str,
    context: dict[str, Any],
    *,
    countdown: float = 0,
    eta: datetime | None = None,
    key: str | None = None,
    files: Sequence[File] = (),
) -> "AsyncResult[Any]":
    """Send one person one mail: `countdown` seconds from now, or at `eta` (aware), or at once.

    `recipient` is a Recipient, its id, or an address; `template` a template's slug; `context` plain data with all that
    the template names. The same `key` twice sends once. `files` go with it as attachments. The mail is a committed row
    before anything is queued, and goes out after the current transaction's commit, even if the broker loses the
    message. The result is the delivery task's. Raises TemplateError (unknown template, missing variable),
    InvalidAddress, and ValueError for files that are too many or too large.
    """
    who = recipient.pk if isinstance(recipient, Recipient) else recipient
    return tasks.notify_user.apply_async(
        args=[who, template, context], kwargs={"key": key, "files": tuple(files)}, countdown=countdown, eta=eta
    )
