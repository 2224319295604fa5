"""An event is written with what happened: once for each endpoint that wants it, and not without what happened."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from mailer.audience.consent import Word
from mailer.audience.fates import Fate, Outcome
from mailer.audience.people import Membership, Profile, write_people
from mailer.feedback.returns import record_return
from mailer.feedback.unsubscribes import unsubscribe_recipient
from mailer.insight.dossier import dossier_of
from mailer.models import Delivery, Digest, Mailing, Recipient, RecipientList, Return, WebhookDelivery, WebhookEndpoint
from mailer.scheduling.planning import plan_digest, plan_now
from mailer.sending.batch import send_range
from mailer.sending.claim import Range
from mailer.sending.record import finish_mailing, reconcile
from tests.build import MORNING, make_item, make_list, make_sent_mail
from tests.fake_relay import FakeRelay
from tests.webhooks.conftest import MakeEndpoint

pytestmark = pytest.mark.django_db
WORD = Word("one-click in a mail program", MORNING)


def told(kind: str = "") -> list[dict[str, Any]]:
    """What was written, as other programs read it."""
    rows = WebhookDelivery.objects.order_by("pk")
    return [json.loads(row.body) for row in (rows.filter(type=kind) if kind else rows)]


def send(mailing: Mailing, now: datetime) -> None:
    send_range(Range(mailing.pk, 0, 2**62), uuid4(), lambda: now)


def leave(mailing_list: RecipientList, person: Recipient) -> bool:
    return unsubscribe_recipient(mailing_list.pk, person.pk, WORD)


def test_a_mail_that_fails_and_the_end_of_its_mailing_are_told(
    digest: Digest, relay: FakeRelay, endpoint: WebhookEndpoint, now: datetime
):
    make_item(digest.list)
    relay.answer("RCPT", "550 5.1.1 <person1@example.org> is unknown", to="person1@example.org")
    mailing = plan_now(digest, now)
    send(mailing, now)
    failed = told("delivery.failed")
    mail = Delivery.objects.get(status="failed")
    assert [event["data"] for event in failed] == [
        {
            "delivery": mail.pk, "mailing": mailing.pk, "list": "news",
            "recipient": {"id": mail.recipient_id, "email": "person1@example.org"},
            "reason": "address", "attempts": 1, "smtp_code": 550, "smtp_status": "5.1.1",
        }
    ]  # fmt: skip
    ended = told("mailing.finished")
    assert [event["data"]["mailing"] for event in ended] == [mailing.pk]
    sums = {name: ended[0]["data"][name] for name in ("status", "planned", "sent", "failed", "list", "digest")}
    assert sums == {"status": "done", "planned": 3, "sent": 2, "failed": 1, "list": "news", "digest": "news"}
    assert ended[0]["time"] == "2026-11-23T14:59:50Z"
    assert datetime.fromisoformat(ended[0]["data"]["scheduled_for"]).tzinfo is not None


def test_no_event_has_anything_of_what_the_mail_says(
    digest: Digest, relay: FakeRelay, endpoint: WebhookEndpoint, now: datetime
):
    make_item(digest.list, "The harbour is open")
    relay.answer("RCPT", "554 5.7.1 The harbour is open looks like spam", to="person1@example.org")
    send(plan_now(digest, now), now)
    assert len(told()) == 2
    assert not any("harbour" in row.body for row in WebhookDelivery.objects.all())


def test_a_mailing_that_goes_on_after_its_end_ends_again_and_one_that_is_asked_twice_does_not(
    digest: Digest, relay: FakeRelay, endpoint: WebhookEndpoint, now: datetime
):
    make_item(digest.list)
    mailing = plan_now(digest, now)
    send(mailing, now)
    assert not finish_mailing(mailing.pk, now)
    assert len(told("mailing.finished")) == 1
    Delivery.objects.filter(pk=Delivery.objects.earliest("pk").pk).update(status="queued", next_attempt_at=now)
    reconcile(mailing.pk)
    send(mailing, now)
    assert len(told("mailing.finished")) == 2


def test_a_digest_that_was_missed_or_had_nothing_new_is_told(digest: Digest, endpoint: WebhookEndpoint, now: datetime):
    plan_digest(digest.pk, now + timedelta(minutes=1))
    plan_digest(digest.pk, now + timedelta(days=1, hours=12))
    skipped, missed = (event["data"] for event in told())
    assert (skipped["status"], skipped["reason"]) == ("skipped", "nothing new since the last digest")
    assert (missed["status"], missed["planned"], missed["started_at"]) == ("missed", 0, None)


def test_a_mail_that_came_back_is_told_once(digest: Digest, endpoint: WebhookEndpoint, now: datetime):
    mail = make_sent_mail(digest, "person1@example.org", now)
    fates = [Fate(Outcome.GONE, "person1@example.org", "5.1.1", "550 <person1@example.org> is unknown")]
    for _ in range(2):
        record_return(mail.pk, fates, Return.Source.PIPE, now)
    data = [event["data"] for event in told()]
    assert [(one["delivery"], one["reason"], one["list"]) for one in data] == [(mail.pk, "gone", "news")]
    assert data[0]["recipient"]["email"] == "person1@example.org"


def test_a_complaint_is_told_as_leaving_with_its_reason(digest: Digest, endpoint: WebhookEndpoint, now: datetime):
    mail = make_sent_mail(digest, "person1@example.org", now)
    record_return(mail.pk, [Fate(Outcome.COMPLAINT, "person1@example.org", "", "")], Return.Source.PIPE, now)
    assert [(event["type"], event["data"]["reason"]) for event in told()] == [("recipient.unsubscribed", "complaint")]


def test_leaving_is_told_once_whoever_says_it(mailing_list: RecipientList, endpoint: WebhookEndpoint):
    first, second = Recipient.objects.order_by("pk")[:2]
    assert [leave(mailing_list, first), leave(mailing_list, first)] == [True, False]
    gone = Profile(second.email, memberships={mailing_list: Membership(wanted=False)})
    write_people([gone], Word("the API", MORNING))
    assert [event["data"] for event in told()] == [
        {
            "list": "news", "recipient": {"id": first.pk, "email": first.email},
            "reason": "unsubscribed", "source": "one-click in a mail program",
        },
        {
            "list": "news", "recipient": {"id": second.pk, "email": second.email},
            "reason": "unsubscribed", "source": "the API",
        },
    ]  # fmt: skip


def test_each_endpoint_gets_what_it_asked_for_under_one_id(mailing_list: RecipientList, make_endpoint: MakeEndpoint):
    everything, ours = make_endpoint("/all"), make_endpoint("/ours", of_all_lists=False)
    other = make_endpoint("/other", of_all_lists=False)
    ours.lists.add(mailing_list)
    other.lists.add(make_list("other"))
    make_endpoint("/off", is_enabled=False)
    make_endpoint("/bounces", events=["delivery.bounced"])
    leave(mailing_list, Recipient.objects.earliest("pk"))
    rows = WebhookDelivery.objects.order_by("endpoint")
    assert [row.endpoint for row in rows] == [everything, ours]
    assert len({row.event_id for row in rows}) == 1
    assert str(rows[0].event_id) == told()[0]["id"]


def test_an_endpoint_of_some_lists_is_not_told_of_single_mails(
    digest: Digest, mailing_list: RecipientList, make_endpoint: MakeEndpoint, now: datetime
):
    make_endpoint("/all")
    make_endpoint("/ours", of_all_lists=False).lists.add(mailing_list)
    mail = make_sent_mail(digest, "person1@example.org", now)
    Mailing.objects.filter(pk=mail.mailing_id).update(list=None, kind="notification")
    record_return(mail.pk, [Fate(Outcome.GONE, "person1@example.org", "5.1.1", "")], Return.Source.PIPE, now)
    assert [(row.endpoint.name, json.loads(row.body)["data"]["list"]) for row in WebhookDelivery.objects.all()] == [
        ("/all", None)
    ]


def test_test_mails_are_not_told_of(digest: Digest, endpoint: WebhookEndpoint, now: datetime):
    mail = make_sent_mail(digest, "person1@example.org", now)
    Mailing.objects.filter(pk=mail.mailing_id).update(kind="test", status="sending")
    record_return(mail.pk, [Fate(Outcome.GONE, "person1@example.org", "5.1.1", "")], Return.Source.PIPE, now)
    assert finish_mailing(mail.mailing_id, now)
    assert told() == []


def test_what_is_rolled_back_leaves_no_event(mailing_list: RecipientList, endpoint: WebhookEndpoint):
    with transaction.atomic():
        leave(mailing_list, Recipient.objects.earliest("pk"))
        assert len(told()) == 1
        transaction.set_rollback(True)
    assert told() == []


def test_sending_that_goes_well_asks_for_no_endpoint(
    digest: Digest, relay: FakeRelay, endpoint: WebhookEndpoint, now: datetime
):
    make_item(digest.list)
    mailing = plan_now(digest, now)
    Mailing.objects.filter(pk=mailing.pk).update(has_more=True)  # so that it does not end
    with CaptureQueriesContext(connection) as asked:
        send(mailing, now)
    assert Delivery.objects.filter(status="sent").count() == 3
    assert not [query for query in asked.captured_queries if "webhook" in query["sql"]]


def test_where_nobody_wants_it_one_question_is_asked_and_nothing_written(
    mailing_list: RecipientList, make_endpoint: MakeEndpoint
):
    make_endpoint(events=["delivery.bounced"], is_enabled=False)
    with CaptureQueriesContext(connection) as asked:
        leave(mailing_list, Recipient.objects.earliest("pk"))
    assert len([query for query in asked.captured_queries if "webhook" in query["sql"]]) == 1
    assert told() == []


def test_the_secret_is_random_and_signs_beside_the_new_one_for_a_day(endpoint: WebhookEndpoint):
    first, now = endpoint.secret, timezone.now().astimezone(UTC)
    assert endpoint.secrets_at(now) == [first]
    second = endpoint.rotate_secret(now)
    endpoint.refresh_from_db()
    assert endpoint.secrets_at(now + timedelta(hours=23)) == [second, first]
    assert endpoint.secrets_at(now + timedelta(hours=25)) == [second]
    assert len({first, second}) == 2


def test_a_person_can_have_what_was_told_of_them(mailing_list: RecipientList, endpoint: WebhookEndpoint):
    person, other = Recipient.objects.order_by("pk")[:2]
    leave(mailing_list, person)
    leave(mailing_list, other)
    entries = dossier_of(person, MORNING)["told_to_other_programs"]
    assert [(entry["to"], entry["what"]["data"]["recipient"]["email"]) for entry in entries] == [
        ("/hook", person.email)
    ]
