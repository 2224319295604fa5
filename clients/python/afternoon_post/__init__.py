"""Afternoon Post's API for Python; `AfternoonPost` is the client, `verify_webhook` checks the events that it sends."""

from afternoon_post.client import AfternoonPost
from afternoon_post.errors import InvalidSignature, Problem, Unreachable
from afternoon_post.values import (
    Attachment,
    Delivery,
    Event,
    Item,
    Mailing,
    MailingList,
    Membership,
    NewItem,
    NewRecipient,
    Notification,
    Recipient,
    StoredItems,
    Subscription,
    Suppression,
    WrittenRecipient,
)
from afternoon_post.webhooks import verify_webhook

__all__ = [
    "AfternoonPost",
    "Attachment",
    "Delivery",
    "Event",
    "InvalidSignature",
    "Item",
    "Mailing",
    "MailingList",
    "Membership",
    "NewItem",
    "NewRecipient",
    "Notification",
    "Problem",
    "Recipient",
    "StoredItems",
    "Subscription",
    "Suppression",
    "Unreachable",
    "WrittenRecipient",
    "verify_webhook",
]
