"""Sends events to their endpoints, one worker an endpoint, and writes down what became of each."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from mailer.models import EventType, WebhookDelivery, WebhookEndpoint
from mailer.models.outbox import write_test
from mailer.outside.fetch import FetchFailed, Limits, post
from mailer.outside.retry_after import wait_asked_for
from mailer.webhooks.patience import LONGEST_SILENCE, PATIENT, rest_after, retry_in
from mailer.webhooks.signing import signed_headers

logger = logging.getLogger(__name__)

Clock = Callable[[], datetime]
State = WebhookDelivery.State
#: What one request may take, and how much of the answer is kept, in bytes.
LIMITS = Limits(seconds=10, size=1_000)
#: No request is begun later than this into a worker's turn: then the other endpoints have theirs.
LONGEST_TURN = timedelta(seconds=20)
_GONE = 410
_LATER = {429, 503}


@dataclass(frozen=True)
class Answered:
    """What came of one request; `problem` is empty where it was taken."""

    problem: str
    duration_ms: int
    status: int | None = None
    text: str = ""
    wait: timedelta | None = None  #: what the server asks for


def deliver_events(endpoint_id: int, clock: Clock) -> bool:
    """Send the endpoint what is due, oldest first, if nobody else does. Returns whether its turn ended before that."""
    begun = clock()
    endpoint = WebhookEndpoint.objects.filter(pk=endpoint_id).first()
    if endpoint is None or not endpoint.lease(begun):
        return False
    try:
        while clock() - begun < LONGEST_TURN:
            row = _next(endpoint, clock())
            if row is None or not (send_event(row, clock) or _is_patient(endpoint)):
                return False
    finally:
        endpoint.release()
    return True


def send_event(row: WebhookDelivery, clock: Clock) -> bool:
    """Send one event, whose endpoint is as it is now, and write down what came of it. Returns whether it was taken."""
    answered = _ask(row, clock)
    _record(row, answered, clock())
    return not answered.problem


def send_test(endpoint: WebhookEndpoint, clock: Clock) -> WebhookDelivery:
    """Send a test event at once, also to one that is off. Returns it with what came of it; it is tried once."""
    now = clock()
    row = write_test(endpoint, now, first_try=now + timedelta(minutes=1))  # no worker takes it meanwhile
    send_event(row, clock)
    row.refresh_from_db()
    return row


def _next(endpoint: WebhookEndpoint, now: datetime) -> WebhookDelivery | None:
    """The oldest that is due, with the endpoint as it is now: staff may have changed it, or switched it off."""
    due = WebhookDelivery.objects.due(now).filter(endpoint=endpoint, endpoint__is_enabled=True)
    return due.select_related("endpoint").first()


def _is_patient(endpoint: WebhookEndpoint) -> bool:
    """Whether so few failed in a row that the next may be tried."""
    return WebhookEndpoint.objects.filter(pk=endpoint.pk, failures__lt=PATIENT).exists()


def _ask(row: WebhookDelivery, clock: Clock) -> Answered:
    now, body = clock(), row.body.encode()
    headers = signed_headers(str(row.event_id), body, row.endpoint.secrets_at(now), now)
    begun = time.monotonic()
    try:
        answer = post(row.endpoint.url, body, {**headers, "Content-Type": "application/json"}, LIMITS)
    except FetchFailed as error:
        return Answered(str(error), _since(begun))
    took, text = _since(begun), answer.body.decode("utf-8", "replace").replace("\x00", "")
    if 200 <= answer.status < 300:
        return Answered("", took, answer.status, text)
    moved = " Redirects are not followed." if 300 <= answer.status < 400 else ""
    wait = wait_asked_for(answer.headers.get("retry-after", ""), clock()) if answer.status in _LATER else None
    return Answered(f"Its server answered {answer.status}.{moved}", took, answer.status, text, wait)


def _since(begun: float) -> int:
    return int((time.monotonic() - begun) * 1000)


def _record(row: WebhookDelivery, answered: Answered, now: datetime) -> None:
    """Write down a try of this row and how its endpoint is; if another worker wrote meanwhile, the endpoint only."""
    with transaction.atomic():
        tried = WebhookDelivery.objects.pending().filter(pk=row.pk, attempts=row.attempts)
        still = tried.select_for_update(of=("self",)).first()
        if still is not None:
            still.attempts, still.last_attempt_at = row.attempts + 1, now
            still.status_code, still.duration_ms = answered.status, answered.duration_ms
            still.problem = answered.problem[:300]
            # It may repeat what was sent; if that was taken out of the body meanwhile, it is not kept either.
            still.response = answered.text if still.body == row.body else ""
            _settle(still, answered, now)
            still.save()
        endpoint = WebhookEndpoint.objects.select_for_update().filter(pk=row.endpoint_id).first()
        if endpoint is not None:
            _note_health(endpoint, answered, now)


def _settle(row: WebhookDelivery, answered: Answered, now: datetime) -> None:
    if not answered.problem:
        row.state, row.next_attempt_at = State.DELIVERED, None
        return
    over = row.type == EventType.TEST or answered.status == _GONE
    wait = None if over else retry_in(row.attempts, row.event_id, answered.wait)
    row.state = State.PENDING if wait else State.FAILED
    row.next_attempt_at = now + wait if wait else None


def _note_health(endpoint: WebhookEndpoint, answered: Answered, now: datetime) -> None:
    endpoint.problem = answered.problem[:300]
    if not answered.problem:
        endpoint.failures, endpoint.failing_since, endpoint.next_at, endpoint.reached_at = 0, None, None, now
    else:
        endpoint.failures += 1
        endpoint.failing_since = endpoint.failing_since or now
        rest = rest_after(endpoint.failures)
        endpoint.next_at = now + rest if rest else None
        _switch_off_if_due(endpoint, answered, now)
    fields = ["failures", "failing_since", "next_at", "reached_at", "problem", "is_enabled", "switched_off_at"]
    endpoint.save(update_fields=fields)


def _switch_off_if_due(endpoint: WebhookEndpoint, answered: Answered, now: datetime) -> None:
    since = endpoint.failing_since or now
    if endpoint.is_enabled and (answered.status == _GONE or now - since >= LONGEST_SILENCE):
        endpoint.is_enabled, endpoint.switched_off_at = False, now
        logger.warning("Webhook endpoint %s is switched off: %s", endpoint.pk, answered.problem)
