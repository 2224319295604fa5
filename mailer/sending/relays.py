"""What is known of the relay, shared by all workers: while it can't be used, batches wait and an alert is out."""

import logging
from datetime import datetime, timedelta

from django.conf import settings

from mailer.models import RelayPause

logger = logging.getLogger(__name__)

#: How long the workers leave an unusable relay alone before one of them tries again.
PAUSE = timedelta(seconds=30)


def relay_name() -> str:
    """The relay as people know it: host and port, no password."""
    return f"{settings.RELAY.host}:{settings.RELAY.port}"


def paused_until() -> datetime | None:
    """Until when the relay is to be left alone; a time that is past if somebody is to find out whether it works again.

    None if it works, as far as anybody knows.
    """
    return RelayPause.objects.filter(relay=relay_name()).values_list("retry_at", flat=True).first()


def may_probe(now: datetime) -> bool:
    """Whether it is this run that finds out.

    Of all who come when the pause is over only one does, and the others have another pause; so a mail server that is
    hardly back is not met by all workers at once.
    """
    due = RelayPause.objects.filter(relay=relay_name(), retry_at__lte=now)
    return due.update(retry_at=now + PAUSE) == 1


def pause_relay(reason: str, now: datetime) -> None:
    """Leave the relay alone for a while. The first to say so logs it; the others only prolong the pause.

    The admins are told by `insight.alerts`: their mail goes by the same relay, and may have to wait for it.
    """
    retry_at = now + PAUSE
    _, is_new = RelayPause.objects.update_or_create(
        relay=relay_name(), defaults={"reason": reason[:500], "retry_at": retry_at}
    )
    if is_new:
        logger.error("Sending is paused: %s. It is tried again every %d s.", reason, PAUSE.total_seconds())


def try_relay_again(now: datetime) -> None:
    """End the pause, not the outage: those who are woken at `now` find out whether the relay works again."""
    RelayPause.objects.exclude(relay=relay_name()).delete()  # of a mail server that is not ours any more
    RelayPause.objects.filter(relay=relay_name(), retry_at__gt=now).update(retry_at=now)


def resume_relay() -> bool:
    """The relay works. Returns whether it had been paused, so that those who waited for it are to be woken."""
    if not RelayPause.objects.filter(relay=relay_name()).delete()[0]:
        return False
    logger.warning("The mail server %s works again; sending goes on.", relay_name())
    return True
