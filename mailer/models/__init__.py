"""What is stored; every model by its name."""

from mailer.models.addresses import AddressField, InvalidAddress, normalise_address, shown_address
from mailer.models.announcements import Announcement
from mailer.models.api_keys import ApiKey, ApiUse, Scope
from mailer.models.claims import Claim
from mailer.models.consent import ConsentEvent
from mailer.models.deliveries import Attempt, Delivery
from mailer.models.digests import Digest, DigestItem
from mailer.models.erasures import Erasure, fingerprint
from mailer.models.feeds import Feed
from mailer.models.figures import MailingFigures
from mailer.models.imports import Import, ImportChange
from mailer.models.limits import HeldGroup, HeldMail, LimitUse, ReleaseTurn, SendingLimit
from mailer.models.list_figures import ListFigures
from mailer.models.mailings import Mailing, MailingItem
from mailer.models.messages import Attachment, Message
from mailer.models.recipients import Domain, Recipient, RecipientList, Subscription
from mailer.models.relays import RelayPause
from mailer.models.returns import BounceScore, Return, ReturnCount
from mailer.models.roles import RoleGrant
from mailer.models.segments import Segment, SegmentCondition
from mailer.models.sign_ups import SignUp
from mailer.models.sources import SourceState
from mailer.models.suppressions import LiftedSuppression, Suppression
from mailer.models.templates import EmailTemplate, TemplateVersion
from mailer.models.watch import Alert, Heartbeat, Tally
from mailer.models.webhooks import EventType, WebhookDelivery, WebhookEndpoint
from mailer.models.zones import TimeZoneField, validate_time_zone

__all__ = [
    "AddressField",
    "Alert",
    "Announcement",
    "ApiKey",
    "ApiUse",
    "Attachment",
    "Attempt",
    "BounceScore",
    "Claim",
    "ConsentEvent",
    "Delivery",
    "Digest",
    "DigestItem",
    "Domain",
    "EmailTemplate",
    "Erasure",
    "EventType",
    "Feed",
    "Heartbeat",
    "HeldGroup",
    "HeldMail",
    "Import",
    "ImportChange",
    "InvalidAddress",
    "LiftedSuppression",
    "LimitUse",
    "ListFigures",
    "Mailing",
    "MailingFigures",
    "MailingItem",
    "Message",
    "Recipient",
    "RecipientList",
    "RelayPause",
    "ReleaseTurn",
    "Return",
    "ReturnCount",
    "RoleGrant",
    "Scope",
    "Segment",
    "SegmentCondition",
    "SendingLimit",
    "SignUp",
    "SourceState",
    "Subscription",
    "Suppression",
    "Tally",
    "TemplateVersion",
    "TimeZoneField",
    "WebhookDelivery",
    "WebhookEndpoint",
    "fingerprint",
    "normalise_address",
    "shown_address",
    "validate_time_zone",
]
