"""What is done about events beside sending them: finding those that are due, replaying, switching on, deleting."""

from datetime import datetime

from django.db import transaction

from mailer.models import WebhookDelivery, WebhookEndpoint
from mailer.models.webhooks import WebhookDeliveryQuerySet

#: Endpoints that one tick calls workers for.
MOST_AT_ONCE = 100
STEP = 5_000
State = WebhookDelivery.State


def due_endpoints(now: datetime) -> list[int]:
    """Those for which a worker is to be called: the message may have been lost, or it is time to try again."""
    return list(WebhookEndpoint.objects.due(now).values_list("pk", flat=True)[:MOST_AT_ONCE])


def replay(rows: WebhookDeliveryQuerySet, now: datetime) -> set[int]:
    """Send these events again, as if they had never been tried, under their own ids. Returns the endpoints to wake.

    Those of endpoints that are off stay as they are.
    """
    with transaction.atomic():
        on = WebhookDelivery.objects.filter(pk__in=rows.order_by().values("pk"), endpoint__is_enabled=True)
        endpoints = set(on.values_list("endpoint_id", flat=True))
        on.update(state=State.PENDING, attempts=0, next_attempt_at=now, problem="")
        WebhookEndpoint.objects.filter(pk__in=endpoints).update(next_at=None)
    return endpoints


def switch_on(endpoint: WebhookEndpoint) -> None:
    """Let it begin anew, with what still waits for it; the caller saves it."""
    endpoint.is_enabled, endpoint.switched_off_at = True, None
    endpoint.failures, endpoint.failing_since, endpoint.next_at, endpoint.problem = 0, None, None, ""


def purge_events(before: datetime) -> int:
    """Delete events from before the time, whatever became of them. Returns how many."""
    deleted = 0
    old = WebhookDelivery.objects.filter(at__lt=before).order_by("at")
    while ids := list(old.values_list("pk", flat=True)[:STEP]):
        deleted += WebhookDelivery.objects.filter(pk__in=ids).delete()[0]
    return deleted
