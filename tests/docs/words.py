"""The words that the log, the API, exports and events use for states and reasons, as docs/reference.md tells of them."""

from django.db.models import TextChoices

from config.broker import QUEUES
from mailer.api.access import Needs
from mailer.api.urls import api
from mailer.models import Delivery, EventType, Mailing, Return, Scope, Subscription, Suppression
from mailer.sending.outcomes import RETRY_DELAYS

#: What words mean whose label is no more than the word. One that is missing here stops `make docs`.
DELIVERY_STATES = {
    Delivery.Status.QUEUED: "not sent yet, or to be tried again; the reason says what it waits for, if anything",
    Delivery.Status.SENT: "the mail server took it",
    Delivery.Status.FAILED: "refused for good, or its attempts are used up; staff can retry it",
    Delivery.Status.SKIPPED: "not attempted, since this person was not to get it; the reason says why",
    Delivery.Status.BOUNCED: "sent, and it came back",
    Delivery.Status.COMPLAINED: "sent, and the person marked it as spam",
    Delivery.Status.UNCERTAIN: "handed over, but no answer came: it may have arrived; staff decide",
    Delivery.Status.CANCELLED: "its mailing was cancelled before it went",
}
MAILING_STATES = {
    Mailing.Status.PLANNED: "written down; it begins at its time",
    Mailing.Status.SENDING: "its mails are going out",
    Mailing.Status.PAUSED: "held by staff, or by itself because too many mails came back; Resume goes on",
    Mailing.Status.DONE: "no mail of it waits any more",
    Mailing.Status.MISSED: "its time had passed too long ago when a worker came to it, so nothing was sent",
    Mailing.Status.CANCELLED: "ended by staff; what had left before stays sent",
    Mailing.Status.SKIPPED: "there was nothing to send, so nobody got a mail",
}
SCOPES = {
    Scope.ITEMS: "read lists; write, read and take back items",
    Scope.PEOPLE: "write and read people, and what lists they are on",
    Scope.NOTIFICATIONS: "send single mails, and read what became of them",
    Scope.LOG: "read mailings and mails",
    Scope.SUPPRESSIONS: "suppress addresses, and lift that",
}
HOLDS = {
    "default": "planning, the tick, sending limits, events for webhooks, the nightly deletion: short, and needed soon",
    "transactional": "single mails and tests, which somebody waits for",
    "bulk": "mails of digests and announcements; imports, feeds and counting, which take long",
}


def queues() -> list[str]:
    """A row for each queue."""
    return [f"| `{name}` | {HOLDS[name]} |" for name in QUEUES]


def delivery_states() -> list[str]:
    """A row for each state of a mail to one person."""
    return [f"| `{each.value}` | {DELIVERY_STATES[each]} |" for each in Delivery.Status]


def mailing_states() -> list[str]:
    """A row for each state of a mailing."""
    return [f"| `{each.value}` | {MAILING_STATES[each]} |" for each in Mailing.Status]


def labels(words: type[TextChoices]) -> list[str]:
    """A row for each word and the label that pages show; the empty word says nothing and is left out."""
    return [f"| `{value}` | {label} |" for value, label in words.choices if value]


def word_tables() -> dict[str, tuple[str, list[str]]]:
    """By heading: a sentence and the rows below it."""
    minutes = ", ".join(f"{delay.total_seconds() / 60:g}" for delay in RETRY_DELAYS)
    return {
        "States of a delivery": (
            "A delivery is one mail to one person. After a temporary failure it is tried again "
            f"{minutes} minutes after the attempt before; after the last of these it has failed.",
            delivery_states(),
        ),
        "Reasons of a delivery": ("Empty where nothing needs saying.", labels(Delivery.Reason)),
        "States of a mailing": (f"Its kind is {', '.join(f'`{kind}`' for kind in Mailing.Kind.values)}.", mailing_states()),
        "States of a subscription": ("A person on a list.", labels(Subscription.Status)),
        "Reasons of a suppression": ("Of an address, on every list.", labels(Suppression.Reason)),
        "What a report says": ("About a mail that had left.", labels(Return.Outcome)),
        "Events": ("For webhooks; [events.md](events.md) has what each carries.", labels(EventType)),
        "Scopes": (
            "Of API keys; the table of calls says which asks for which.",
            [f"| `{each.value}` | {SCOPES[each]} |" for each in Scope],
        ),
    }  # fmt: skip


def scope_of_calls() -> dict[str, str]:
    """The scope that calls of the API ask for, by the tag under which the schema has them."""
    return {
        tag: router.auth._scope.value
        for _, router in api._routers
        if isinstance(router.auth, Needs)
        for tag in router.tags or ()
    }
