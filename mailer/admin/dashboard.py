"""The admin's first page: how the day goes, in words and figures, and in red what is wrong."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from mailer.admin.columns import list_of
from mailer.insight.backlog import backlog
from mailer.insight.health import look
from mailer.insight.hours import Hour, failure_share, last_hours
from mailer.insight.life import SILENCE, Life, is_alive
from mailer.insight.pacing import CAP
from mailer.insight.problems import find_problems
from mailer.insight.promptness import promises
from mailer.insight.today import day_of, todays_lines
from mailer.models import Alert, Delivery, Digest, Heartbeat, Mailing, RecipientList, Subscription
from mailer.scheduling.agenda import PATIENCE, overdue, to_come

#: Who may see the mailings may see how they go.
SEE = "mailer.view_mailing"


def fill_dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What the index page shows; the theme asks for it."""
    if not request.user.has_perm(SEE):
        return {**context, "title": "Welcome"}
    now = timezone.now()
    view = look([(late.digest, late.moment) for late in overdue(now)], now)
    return {
        **context,
        "title": "Today",
        "may_see": True,
        "now": now,
        "problems": find_problems(view, now),
        "first_steps": [] if Mailing.objects.exists() else _first_steps(),
        "lines": todays_lines(_still_to_come(now), now, now - PATIENCE),
        "backlog": backlog(now),
        "backlog_cap": CAP,
        "depths": view.depths,
        "waiting_deliveries": list_of(Delivery, "status__exact=queued"),
        **_hours(last_hours(now)),
        "promises": promises(now),
        **_service(view.life, now),
    }


def _still_to_come(now: datetime) -> list[tuple[Digest, datetime]]:
    return [(occurrence.digest, occurrence.moment) for occurrence in to_come(*day_of(now))]


def _first_steps() -> list[tuple[str, str, str, bool]]:
    """What to do in a new installation: a sentence, the words of its link, the link, and whether it is done."""
    return [
        ("Make a list: who sends it, and in which time zone its people live.", "Add a list",
         reverse("admin:mailer_recipientlist_add"), RecipientList.objects.exists()),
        ("Put people on it: add them one by one, or import a CSV file.", "Add a subscriber",
         reverse("admin:mailer_subscription_add"), Subscription.objects.exists()),
        ("Say when its digest goes: every day at 3 PM, for example.", "Add a digest",
         reverse("admin:mailer_digest_add"), Digest.objects.exists()),
    ]  # fmt: skip


def _hours(hours: Sequence[Hour]) -> dict[str, Any]:
    most = max(max(hour.sent + hour.lost for hour in hours), 1)
    share = failure_share(hours)
    return {
        "bars": [(hour, 100 * hour.sent / most, 100 * hour.lost / most) for hour in hours],
        "most_an_hour": most,
        "sent_in_a_day": sum(hour.sent for hour in hours),
        "lost_in_a_day": sum(hour.lost for hour in hours),
        "sent_this_hour": hours[-1].sent,
        "first_hour": hours[0].start,
        "this_hour": hours[-1].start,
        "failure_percent": None if share is None else 100 * share,
        "failed_deliveries": list_of(Delivery, "status__exact=failed"),
    }


def _service(life: Life, now: datetime) -> dict[str, Any]:
    first = Mailing.objects.order_by("scheduled_for").values_list("scheduled_for", flat=True).first()
    return {
        "workers": [(row, _state(row, now)) for row in life.workers],
        "life": life,
        "beat_state": _beat_state(life, now),
        "retention_days": settings.LOG_RETENTION_DAYS,
        "log_begins": first,
        "alerts": list_of(Alert),
        "admins_told": bool(settings.ADMINS),
    }


def _state(row: Heartbeat, now: datetime) -> str:
    if row.stopped_at is not None:
        return "stopped"
    return "alive" if is_alive(row, now) else "silent"


def _beat_state(life: Life, now: datetime) -> str:
    if life.beat_rang is None:
        return "waiting"
    return "silent" if now - life.beat_rang > SILENCE or life.beat_is_off else "alive"
