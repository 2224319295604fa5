"""Alerts: what is wrong is written down once, told to the admins once, and its end too, whoever notices it."""

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import send_mail

from mailer.audience.staging_guard import lets_out
from mailer.insight.problems import Problem
from mailer.insight.words import how_long, when
from mailer.models import Alert

logger = logging.getLogger(__name__)

#: A problem is over when nobody has found it for this long: a relay that works for a moment is no news.
CALM = timedelta(minutes=2)


def note_problems(problems: Iterable[Problem], now: datetime) -> None:
    """Open an alert for each new problem, and end those whose problem is over. Several workers may do so at once."""
    for problem in problems:
        alert, is_new = Alert.objects.open().get_or_create(
            key=problem.key[:100],
            defaults={
                "title": problem.title[:200],
                "text": problem.text[:1000],
                "since": problem.since,
                "seen_at": now,
                "has_end": problem.has_end,
            },
        )
        if is_new:
            logger.warning("%s. %s", problem.title, problem.text)
        else:
            Alert.objects.filter(pk=alert.pk, seen_at__lt=now).update(seen_at=now)
    for alert in Alert.objects.open().filter(seen_at__lt=now - CALM):
        if Alert.objects.open().filter(pk=alert.pk, seen_at=alert.seen_at).update(ended_at=alert.seen_at):
            logger.warning("Over: %s", alert.title)


def tell_admins(now: datetime) -> None:
    """Mail what has not been told. An alert whose mail can't be sent is told later, with its end if it has one.

    Who sets the time sends the mail, so one does; if that one dies in between, the alert stays in the admin only.
    """
    if not _admins():
        return
    for alert in Alert.objects.untold().order_by("pk"):
        over = {} if alert.ended_at is None else {"end_told_at": now}
        if Alert.objects.untold().filter(pk=alert.pk).update(told_at=now, **over) and not _mail(alert):
            Alert.objects.filter(pk=alert.pk).update(told_at=None, end_told_at=None)
            return  # the others would go the same way
    for alert in Alert.objects.end_untold().order_by("pk"):
        if Alert.objects.end_untold().filter(pk=alert.pk).update(end_told_at=now) and not _mail(alert):
            Alert.objects.filter(pk=alert.pk).update(end_told_at=None)
            return


def _mail(alert: Alert) -> bool:
    """Whether the mail server took it."""
    subject, times = alert.title, f"Since {when(alert.since)}."
    if alert.ended_at and alert.has_end:
        subject = f"Over: {alert.title}"
        times = f"From {when(alert.since)} until {when(alert.ended_at)}: {how_long(alert.ended_at - alert.since)}."
    try:
        text = f"{alert.text}\n\n{times}\n{settings.SITE_URL}/admin/\n"
        send_mail(f"{settings.EMAIL_SUBJECT_PREFIX}{subject}", text, settings.SERVER_EMAIL, _admins())
    except (SMTPException, OSError) as error:
        logger.warning("The admins can't be told of %r yet: %s", alert.title, error)
        return False
    return True


def _admins() -> list[str]:
    """Those of the admins to whom mail may go: the staging guard holds for them too."""
    return [address for _, address in settings.ADMINS if lets_out(address)]
