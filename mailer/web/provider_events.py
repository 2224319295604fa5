"""Takes the events that a mail provider posts: django-anymail checks who sent them and reads them, the rest is here."""

import logging
import re
from collections.abc import Callable
from functools import wraps
from typing import Any

from anymail.signals import AnymailTrackingEvent, EventType, RejectReason, tracking
from anymail.webhooks.amazon_ses import AmazonSESTrackingWebhookView
from anymail.webhooks.base import AnymailBaseWebhookView
from anymail.webhooks.mailgun import MailgunTrackingWebhookView
from anymail.webhooks.postmark import PostmarkTrackingWebhookView
from anymail.webhooks.sendgrid import SendGridTrackingWebhookView
from django.db import transaction
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from mailer.audience import return_paths
from mailer.audience.consent import Word
from mailer.audience.fates import Fate, Outcome, one_line
from mailer.audience.refusals import judge_report
from mailer.feedback.counts import count_return
from mailer.feedback.returns import TooEarly, record_return
from mailer.feedback.unsubscribes import unsubscribe_recipient
from mailer.models import ConsentEvent, Delivery, Return, ReturnCount
from mailer.sending.message_id import delivery_of

logger = logging.getLogger(__name__)

_STATUS = re.compile(r"(?<![\d.])[245]\.\d{1,3}\.\d{1,3}(?![\d.])")
_PLAIN = {
    EventType.DELIVERED: Outcome.DELIVERED,
    EventType.DEFERRED: Outcome.DELAYED,
    EventType.COMPLAINED: Outcome.COMPLAINT,
    EventType.AUTORESPONDED: Outcome.AUTO_REPLY,
    EventType.FAILED: Outcome.BLOCKED,
}
#: Why the provider itself did not send it. That an address came back earlier is no proof that it is gone today.
_REJECTED = {
    RejectReason.INVALID: Outcome.GONE,
    RejectReason.BOUNCED: Outcome.UNKNOWN,
    RejectReason.TIMED_OUT: Outcome.TEMPORARY,
    RejectReason.SPAM: Outcome.COMPLAINT,
}
#: What providers call a mail that came back, where the other server's words say nothing.
_CALLED = {
    "HardBounce": Outcome.GONE,
    "SoftBounce": Outcome.TEMPORARY,
    "Permanent General": Outcome.GONE,
    "Permanent NoEmail": Outcome.GONE,
    "Transient General": Outcome.TEMPORARY,
    "Transient MailboxFull": Outcome.TEMPORARY,
    "Transient MessageTooLarge": Outcome.BLOCKED,
    "Transient ContentRejected": Outcome.BLOCKED,
    "Transient AttachmentRejected": Outcome.BLOCKED,
    "blocked": Outcome.BLOCKED,
}


class SesEvents(AmazonSESTrackingWebhookView):
    """SES by SNS. Whoever subscribes the topic confirms it: anymail would, with boto3 and an account of Amazon's."""

    def __init__(self, **kwargs: Any) -> None:
        """Without the client for Amazon."""
        AnymailBaseWebhookView.__init__(self, **kwargs)

    def auto_confirm_sns_subscription(self, sns_message: dict[str, Any]) -> None:
        """Say in the log how."""
        logger.warning("To confirm the subscription of Amazon SNS, open %r", sns_message.get("SubscribeURL"))


VIEWS = {
    "amazon_ses": SesEvents,
    "mailgun": MailgunTrackingWebhookView,
    "postmark": PostmarkTrackingWebhookView,
    "sendgrid": SendGridTrackingWebhookView,
}


def come_again_if_too_early(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """The view; with 503, so that the provider comes again, while a mail is not yet recorded as sent."""

    @wraps(view)
    def respond(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except TooEarly:
            return HttpResponse(status=503, headers={"Retry-After": "60"})

    return respond


@receiver(tracking)
def take_event(sender: type, event: AnymailTrackingEvent, esp_name: str, **details: Any) -> None:
    """Do what follows from an event whose sender was checked; once, however often it comes. Raises TooEarly."""
    now, outcome = timezone.now(), outcome_of(event)
    leaves = RejectReason.UNSUBSCRIBED in (event.event_type, event.reject_reason)
    if outcome is None and not leaves:
        return
    delivery_id = named_delivery(event)
    if delivery_id is None:
        with transaction.atomic():
            count_return(Return.Source.WEBHOOK, ReturnCount.What.UNSIGNED, now)
    elif leaves:
        _leave(delivery_id, event, Word(f"an event of {esp_name}", now))
    elif outcome is not None:
        words = _words(event)
        status = str(event.esp_event.get("status") or "") or next(iter(_STATUS.findall(words)), "")
        fate = Fate(outcome, (event.recipient or "").lower(), status[:12], one_line(words))
        record_return(delivery_id, [fate], Return.Source.WEBHOOK, now)


def named_delivery(event: AnymailTrackingEvent) -> int | None:
    """The delivery that the event is about: by the Message-ID, what Postmark gives back, or SES's envelope sender."""
    handed_back = str((event.metadata or {}).get("delivery", ""))
    source = str((event.esp_event.get("mail") or {}).get("source", "")) if isinstance(event.esp_event, dict) else ""
    return delivery_of(event.message_id or "") or delivery_of(f"{handed_back}@") or return_paths.delivery_of(source)


def outcome_of(event: AnymailTrackingEvent) -> Outcome | None:
    """What the event means; None for what says nothing of a mail's fate, as that it was opened."""
    if event.event_type == EventType.REJECTED:
        return _REJECTED.get(event.reject_reason, Outcome.BLOCKED)
    if event.event_type != EventType.BOUNCED:
        return _PLAIN.get(event.event_type)
    called = _CALLED.get(_kind(event), Outcome.UNKNOWN)
    said = judge_report("failed", str(event.esp_event.get("status") or ""), _words(event), "")
    if said is Outcome.GONE and called in (Outcome.TEMPORARY, Outcome.BLOCKED):
        return called  # the more careful of the two
    return called if said is Outcome.UNKNOWN else said


def _kind(event: AnymailTrackingEvent) -> str:
    """The provider's own word for what came back."""
    bounce = event.esp_event.get("bounce")
    if isinstance(bounce, dict):
        return f"{bounce.get('bounceType')} {bounce.get('bounceSubType')}"
    return str(event.esp_event.get("Type") or event.esp_event.get("type") or "")


def _words(event: AnymailTrackingEvent) -> str:
    return str(event.mta_response or event.description or "")


def _leave(delivery_id: int, event: AnymailTrackingEvent, word: Word) -> None:
    """End the subscription that the mail was for, unless the person said something newer since."""
    delivery = Delivery.objects.select_related("mailing").filter(pk=delivery_id).first()
    if delivery is None or delivery.mailing.list_id is None:
        return
    here = {"list": delivery.mailing.list_id, "recipient": delivery.recipient_id}
    if not ConsentEvent.objects.filter(**here, at__gte=event.timestamp or word.at).exists():
        unsubscribe_recipient(delivery.mailing.list_id, delivery.recipient_id, word)
