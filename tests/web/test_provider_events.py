"""What providers post, in the shape of their documentation: signed, each once, and to the mail that it is about."""

import base64
import hashlib
import hmac
import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.core.checks import run_checks
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from mailer.audience.consent import Word
from mailer.audience.return_paths import ReturnPaths
from mailer.feedback.providers import provider_fault
from mailer.feedback.unsubscribes import subscribe_again
from mailer.models import Claim, Delivery, Digest, Return, ReturnCount, Subscription, Suppression
from mailer.sending.message import Addressee, own_head
from mailer.sending.message_id import message_id
from mailer.web import provider_events
from tests.build import make_sent_mail
from tests.test_settings import PRODUCTION, manage

SECRET, SIGNING = "events:a-long-password", "a signing key"
ADDRESS = "person1@example.org"
SENDGRID = ec.generate_private_key(ec.SECP256R1())
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.urls("tests.web.provider_urls"),
    pytest.mark.filterwarnings("ignore:django-anymail has dropped official support for SendGrid"),
]


@pytest.fixture(autouse=True)
def provider(settings: Settings) -> None:
    settings.BOUNCE_ADDRESS = "bounces@bounce.example.org"
    der = SENDGRID.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    settings.ANYMAIL = {
        "WEBHOOK_SECRET": SECRET,
        "MAILGUN_WEBHOOK_SIGNING_KEY": SIGNING,
        "SENDGRID_TRACKING_WEBHOOK_VERIFICATION_KEY": base64.b64encode(der).decode(),
    }


@pytest.fixture
def sent(digest: Digest) -> Delivery:
    """A mail to person 1 that has just left."""
    return make_sent_mail(digest, ADDRESS, timezone.now())


def post(name: str, body: Any, secret: str = SECRET, raise_errors: bool = True, **headers: str) -> HttpResponse:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    if secret:
        headers["Authorization"] = "Basic " + base64.b64encode(secret.encode()).decode()
    client = Client(raise_request_exception=raise_errors)
    return client.post(f"/events/{name}/", data, content_type="application/json", headers=headers)


def ses(delivery: Delivery, kind: str, **values: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """What SNS posts, and its headers."""
    event = {
        "notificationType": kind,
        "mail": {
            "timestamp": "2026-11-23T15:00:01.000Z",
            "source": ReturnPaths().make(delivery.pk),
            "messageId": "0102018b-ses",
            "destination": [ADDRESS],
        },
        kind.lower(): values,
    }
    notification = {
        "Type": "Notification",
        "MessageId": str(uuid4()),
        "TopicArn": "arn:aws:sns:eu-west-1:123456789012:mail",
        "Message": json.dumps(event),
        "Timestamp": "2026-11-23T15:00:02.000Z",
    }
    return notification, {
        "X-Amz-Sns-Message-Type": "Notification",
        "X-Amz-Sns-Message-Id": notification["MessageId"],
    }


def mailgun(delivery: Delivery, event: str, key: str = SIGNING, **values: Any) -> dict[str, Any]:
    token, at = uuid4().hex, str(int(time.time()))
    signature = hmac.new(key.encode(), f"{at}{token}".encode(), hashlib.sha256).hexdigest()
    headers = {"message-id": message_id(delivery.pk).strip("<>"), "to": ADDRESS}
    data = {"event": event, "timestamp": time.time(), "recipient": ADDRESS, "message": {"headers": headers}}
    return {"signature": {"timestamp": at, "token": token, "signature": signature}, "event-data": data | values}


def postmark(delivery: Delivery, record: str, **values: Any) -> dict[str, Any]:
    token = message_id(delivery.pk).strip("<").partition("@")[0]
    return {"RecordType": record, "MessageID": str(uuid4()), "Metadata": {"delivery": token}, "ID": 4} | values


def sendgrid(*events: dict[str, Any]) -> tuple[bytes, dict[str, str]]:
    body, at = json.dumps(events).encode(), str(int(time.time()))
    signature = SENDGRID.sign(at.encode() + body, ec.ECDSA(hashes.SHA256()))
    return body, {
        "X-Twilio-Email-Event-Webhook-Signature": base64.b64encode(signature).decode(),
        "X-Twilio-Email-Event-Webhook-Timestamp": at,
    }


def event_of(delivery: Delivery, event: str, **values: Any) -> dict[str, Any]:
    named = {"email": ADDRESS, "timestamp": int(time.time()), "smtp-id": message_id(delivery.pk), "event": event}
    return named | {"sg_event_id": uuid4().hex} | values


def outcomes() -> list[str]:
    return list(Return.objects.order_by("pk").values_list("outcome", flat=True))


FULL = {"diagnosticCode": "smtp; 552 5.2.2 Mailbox full", "emailAddress": ADDRESS}


@pytest.mark.parametrize(
    ("kind", "values", "outcome"),
    [
        ("Bounce", {"bounceType": "Permanent", "bounceSubType": "General", "bouncedRecipients": [{"emailAddress": ADDRESS}]}, "gone"),
        ("Bounce", {"bounceType": "Permanent", "bounceSubType": "OnAccountSuppressionList", "bouncedRecipients": [{"emailAddress": ADDRESS}]}, "unknown"),
        ("Bounce", {"bounceType": "Transient", "bounceSubType": "General", "bouncedRecipients": [{"emailAddress": ADDRESS}]}, "temporary"),
        ("Bounce", {"bounceType": "Transient", "bounceSubType": "MailboxFull", "bouncedRecipients": [FULL]}, "temporary"),
        ("Bounce", {"bounceType": "Transient", "bounceSubType": "ContentRejected", "bouncedRecipients": [{"emailAddress": ADDRESS}]}, "blocked"),
        ("Complaint", {"complainedRecipients": [{"emailAddress": ADDRESS}], "complaintFeedbackType": "abuse"}, "complaint"),
    ],
)  # fmt: skip
def test_ses_by_sns(sent: Delivery, kind: str, values: dict[str, Any], outcome: str):
    body, headers = ses(sent, kind, **values)
    assert post("amazon_ses", body, **headers).status_code == 200
    assert outcomes() == [outcome]
    assert Return.objects.get().source == "webhook"


@pytest.mark.parametrize(
    ("event", "values", "outcome"),
    [
        ("failed", {"severity": "permanent", "reason": "bounce", "delivery-status": {"code": 550, "message": "5.1.1 No such user"}}, "gone"),
        ("failed", {"severity": "permanent", "reason": "generic", "delivery-status": {"code": 550, "message": "5.7.1 Blocked as spam"}}, "blocked"),
        ("failed", {"severity": "permanent", "reason": "suppress-bounce", "delivery-status": {"code": 605, "message": "", "description": "Not delivering"}}, "unknown"),
        ("failed", {"severity": "temporary", "reason": "generic", "delivery-status": {"code": 450, "message": "4.2.0 Later"}}, "delayed"),
        ("complained", {}, "complaint"),
    ],
)  # fmt: skip
def test_mailgun(sent: Delivery, event: str, values: dict[str, Any], outcome: str):
    assert post("mailgun", mailgun(sent, event, **values)).status_code == 200
    assert outcomes() == [outcome]


@pytest.mark.parametrize(
    ("record", "values", "outcome"),
    [
        ("Bounce", {"Type": "HardBounce", "Email": ADDRESS, "Details": "smtp;550 5.1.1 unknown user"}, "gone"),
        ("Bounce", {"Type": "HardBounce", "Email": ADDRESS, "Description": "The server was unable to deliver"}, "gone"),
        ("Bounce", {"Type": "SoftBounce", "Email": ADDRESS, "Details": "smtp;550 5.1.1 unknown user"}, "temporary"),
        ("Bounce", {"Type": "DMARCPolicy", "Email": ADDRESS}, "blocked"),
        ("Bounce", {"Type": "Transient", "Email": ADDRESS}, "delayed"),
        ("SpamComplaint", {"Type": "SpamComplaint", "Email": ADDRESS}, "complaint"),
    ],
)
def test_postmark(sent: Delivery, record: str, values: dict[str, Any], outcome: str):
    assert post("postmark", postmark(sent, record, **values)).status_code == 200
    assert outcomes() == [outcome]


@pytest.mark.parametrize(
    ("event", "values", "outcome"),
    [
        ("bounce", {"type": "bounce", "status": "5.1.1", "reason": "550 5.1.1 no such user here"}, "gone"),
        ("bounce", {"type": "blocked", "status": "5.0.0", "reason": "550 rejected"}, "blocked"),
        ("dropped", {"reason": "Bounced Address"}, "unknown"),
        ("deferred", {"response": "450 4.2.0 later"}, "delayed"),
        ("spamreport", {}, "complaint"),
    ],
)
def test_sendgrid(sent: Delivery, event: str, values: dict[str, Any], outcome: str):
    body, headers = sendgrid(event_of(sent, event, **values))
    assert post("sendgrid", body, **headers).status_code == 200
    assert outcomes() == [outcome]


def test_an_event_has_its_consequences_once_however_often_it_comes(sent: Delivery):
    body = mailgun(sent, "failed", severity="permanent", **{"delivery-status": {"message": "5.1.1 No such user"}})
    for _ in range(3):
        assert post("mailgun", body).status_code == 200
    sent.refresh_from_db()
    assert (outcomes(), sent.status, Suppression.objects.get().email) == (["gone"], "bounced", ADDRESS)
    assert dict(ReturnCount.objects.values_list("what", "count")) == {"gone": 1, "repeated": 2}


def test_what_was_opened_or_delivered_changes_nothing(sent: Delivery):
    body, headers = sendgrid(*(event_of(sent, event) for event in ("processed", "delivered", "open", "click")))
    assert post("sendgrid", body, **headers).status_code == 200
    sent.refresh_from_db()
    assert (outcomes(), sent.status) == ([], "sent")
    assert dict(ReturnCount.objects.values_list("what", "count")) == {"delivered": 1}


def test_who_unsubscribes_at_the_provider_leaves_the_list_and_an_old_event_does_not_undo_a_return(sent: Delivery):
    body = mailgun(sent, "unsubscribed")
    mine = Subscription.objects.get(recipient=sent.recipient)
    assert post("mailgun", body).status_code == 200
    mine.refresh_from_db()
    assert mine.status == "unsubscribed"
    subscribe_again(mine.list_id, mine.recipient_id, Word("the link", timezone.now()))
    assert post("mailgun", body).status_code == 200
    mine.refresh_from_db()
    assert (mine.status, outcomes()) == ("active", [])


def test_an_event_of_nobodys_mail_is_counted_and_nothing_else(sent: Delivery):
    forged = mailgun(sent, "complained")
    forged["event-data"]["message"]["headers"]["message-id"] = f"1{message_id(sent.pk).strip('<>')}"
    assert post("mailgun", forged).status_code == 200
    assert (outcomes(), dict(ReturnCount.objects.values_list("what", "count"))) == ([], {"unsigned": 1})


def test_the_provider_comes_again_while_a_worker_has_the_mail_in_hand(sent: Delivery):
    Delivery.objects.update(status="queued", sent_at=None)
    now = timezone.now()
    where = {"mailing": sent.mailing, "first": sent.pk, "last": sent.pk}
    Claim.objects.create(**where, made_at=now, until=now + timedelta(minutes=1), task_id=uuid4())
    answer = post("mailgun", mailgun(sent, "complained"))
    assert (answer.status_code, answer["Retry-After"], outcomes()) == (503, "60", [])


@pytest.mark.parametrize("secret", ["", "events:wrong", "a-long-password"])
@pytest.mark.parametrize("name", ["amazon_ses", "mailgun", "postmark", "sendgrid"])
def test_without_the_password_nothing_is_taken(sent: Delivery, name: str, secret: str):
    headers: dict[str, str] = {}
    body: Any = postmark(sent, "SpamComplaint", Type="SpamComplaint", Email=ADDRESS)
    if name == "amazon_ses":
        body, headers = ses(sent, "Complaint", complainedRecipients=[{"emailAddress": ADDRESS}])
    elif name == "mailgun":
        body = mailgun(sent, "complained")
    elif name == "sendgrid":
        body, headers = sendgrid(event_of(sent, "spamreport"))
    assert post(name, body, secret, **headers).status_code in (400, 401)
    assert (outcomes(), ReturnCount.objects.count()) == ([], 0)


def test_a_wrong_signature_is_refused(sent: Delivery):
    assert post("mailgun", mailgun(sent, "complained", key="another")).status_code == 400
    body, headers = sendgrid(event_of(sent, "spamreport"))
    assert post("sendgrid", body.replace(b"spamreport", b"SpamReport"), **headers).status_code == 400
    assert post("sendgrid", body).status_code == 400
    body, headers = ses(sent, "Complaint", complainedRecipients=[{"emailAddress": ADDRESS}])
    assert post("amazon_ses", body, **(headers | {"X-Amz-Sns-Message-Id": "other"})).status_code == 400
    assert outcomes() == []


def test_a_subscription_of_sns_is_confirmed_by_hand(monkeypatch: pytest.MonkeyPatch):
    told: list[str] = []
    # Not by pytest's own: other tests set up the logs of whole programs in this process.
    monkeypatch.setattr(provider_events.logger, "warning", lambda words, *values: told.append(words % values))
    body = {"Type": "SubscriptionConfirmation", "MessageId": "m", "SubscribeURL": "https://sns.example.com/?x=1"}
    headers = {"X-Amz-Sns-Message-Type": "SubscriptionConfirmation", "X-Amz-Sns-Message-Id": "m"}
    assert post("amazon_ses", body, **headers).status_code == 200
    assert told == ["To confirm the subscription of Amazon SNS, open 'https://sns.example.com/?x=1'"]


def test_postmark_is_told_the_delivery(settings: Settings):
    settings.PROVIDER = "postmark"
    head = own_head(Addressee("", ADDRESS, message_id(7)), "x", datetime(2026, 11, 23, tzinfo=UTC)).decode()
    assert f"X-PM-Metadata-delivery: {message_id(7)[1:].partition('@')[0]}\r\n" in head


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        ({}, ""),
        ({"PROVIDER": "pigeon"}, "known are amazon_ses"),
        ({"PROVIDER": "mailgun"}, "without PROVIDER_SIGNING_KEY"),
        ({"PROVIDER": "mailgun", "PROVIDER_SECRET": SECRET}, "without PROVIDER_SIGNING_KEY"),
        ({"PROVIDER": "mailgun", "PROVIDER_SIGNING_KEY": SIGNING}, ""),
        ({"PROVIDER": "postmark", "PROVIDER_SIGNING_KEY": SIGNING}, "without PROVIDER_SECRET"),
        ({"PROVIDER": "postmark", "PROVIDER_SECRET": "short:one"}, "not of the form"),
        ({"PROVIDER": "postmark", "PROVIDER_SECRET": SECRET}, ""),
        ({"PROVIDER": "amazon_ses", "PROVIDER_SECRET": SECRET}, "without BOUNCE_ADDRESS"),
        ({"PROVIDER": "sendgrid"}, "without PROVIDER_SIGNING_KEY"),
    ],
)
def test_a_provider_that_anybody_could_play_stops_the_start(settings: Settings, values: dict[str, str], fault: str):
    settings.BOUNCE_ADDRESS = ""
    for name, value in values.items():
        setattr(settings, name, value)
    assert fault in provider_fault()
    assert bool(provider_fault()) == bool(fault)
    assert [error.id for error in run_checks(tags=["mailer"])] == (["mailer.E003"] if fault else [])


@pytest.mark.long
@pytest.mark.once
def test_only_the_provider_that_is_set_has_an_address_and_without_any_anymail_is_not_even_read(tmp_path: Path):
    ask = (
        "import sys; from django.urls import resolve, Resolver404\n"
        "def there(path):\n"
        "    try: return bool(resolve(path))\n"
        "    except Resolver404: return False\n"
        "print([there(f'/events/{name}/') for name in ('postmark', 'mailgun')], 'anymail' in sys.modules)"
    )
    whole = PRODUCTION | {"PROVIDER": "postmark", "PROVIDER_SECRET": SECRET}
    for environment, said in (
        (PRODUCTION, "[False, False] False"),
        (whole, "[True, False] True"),
    ):
        assert manage(environment, tmp_path, "shell", "-v", "0", "-c", ask).stdout.strip() == said
    refused = manage(PRODUCTION | {"PROVIDER": "postmark"}, tmp_path, "check")
    assert (refused.returncode, "mailer.E003" in refused.stderr) == (1, True)
