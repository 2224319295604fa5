"""The client for Python does at the running API what its methods say."""

from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from afternoon_post import (
    AfternoonPost,
    Attachment,
    Membership,
    NewItem,
    NewRecipient,
    Problem,
    Unreachable,
    values,
)
from mailer.api import items, lists, log, notifications, people, suppressions
from mailer.models import Attachment as KeptFile
from mailer.models import Delivery, Digest, DigestItem, EmailTemplate, Mailing, TemplateVersion
from mailer.sending.batch import send_range
from mailer.sending.claim import Range
from tests.api.conftest import make_key
from tests.build import make_list, make_sent_mail
from tests.fake_relay import FakeRelay

pytestmark = pytest.mark.django_db(transaction=True)
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def reset(transactional_db: None) -> None:
    made = EmailTemplate.objects.create(slug="reset", name="Reset")
    TemplateVersion.objects.create(
        template=made, number=1, subject="Reset", html="<p>{{ link }}</p>", text="{{ link }}", sample={"link": ""}
    )


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (values.NewItem, items.ItemIn),
        (values.Item, items.ItemOut),
        (values.StoredItems, items.Stored),
        (values.MailingList, lists.ListOut),
        (values.Membership, people.SubscriptionIn),
        (values.NewRecipient, people.RecipientIn),
        (values.WrittenRecipient, people.WrittenOut),
        (values.Subscription, people.SubscriptionOut),
        (values.Recipient, people.RecipientOut),
        (values.Notification, notifications.NotificationOut),
        (values.Mailing, log.MailingOut),
        (values.Delivery, log.DeliveryOut),
        (values.Suppression, suppressions.SuppressionOut),
    ],
    ids=lambda kind: kind.__name__,
)
def test_the_client_knows_each_field_of_the_api(ours: Any, theirs: Any):
    assert {field.name for field in fields(ours)} == set(theirs.model_fields)


def test_items_are_written_changed_read_and_taken_back(post: AfternoonPost):
    make_list("news")
    first = post.write_item("news", NewItem("One", external_id="a", published_at=NOON))
    stored = post.write_items("news", [NewItem("Eins", external_id="a"), NewItem("Two", external_id="b/2 ü")])
    assert (stored.ids[0], stored.new, stored.changed) == (first, 1, 1)
    post.hide_item("news", "b/2 ü")
    assert [(item.title, item.is_hidden) for item in post.items("news")] == [("Two", True), ("Eins", False)]
    assert [each.slug for each in post.lists()] == ["news"]


def test_rows_come_through_all_pages(post: AfternoonPost):
    made = make_list("news")
    DigestItem.objects.bulk_create(
        [DigestItem(list=made, title=f"{number}", published_at=NOON) for number in range(450)]
    )
    assert [item.title for item in post.items("news")] == [str(number) for number in reversed(range(450))]


def test_people_and_their_subscriptions_are_written_and_read(post: AfternoonPost):
    make_list("news")
    until = NOON + timedelta(days=400)
    ada = NewRecipient(
        "ada@example.org", name="Ada", time_zone="Europe/Berlin", attributes={"floor": 3},
        subscriptions=[Membership("news", cadence="weekly", paused_until=until)],
    )  # fmt: skip
    assert (post.write_recipient(ada).is_new, post.write_recipient(ada).is_new) == (True, False)
    post.write_recipients([NewRecipient("ada@example.org", subscriptions=[Membership("news", subscribed=False)])])
    back = post.write_recipient(NewRecipient("ada@example.org", subscriptions=[Membership("news")]))
    assert back.left == ["news"]
    known = post.recipient("ada@example.org")
    assert (known.name, known.attributes) == ("Ada", {"floor": 3})
    assert [(one.list, one.status, one.cadence) for one in known.subscriptions] == [("news", "unsubscribed", "weekly")]
    assert known.subscriptions[0].subscribed_at.tzinfo is not None


def test_a_mail_is_sent_with_its_file_and_followed(post: AfternoonPost, relay: FakeRelay, reset: None):
    file = Attachment("rules.txt", b"One.\x00\xff", "application/octet-stream")
    taken = post.notify("ada@example.org", "reset", {"link": "https://example.org"}, attachments=[file])
    assert (taken.status, taken.attachments) == ("queued", ["rules.txt"])
    assert bytes(KeptFile.objects.get().content) == file.content
    send_range(Range(taken.id, 0, 2**62), uuid4(), timezone.now)
    followed = post.notification(taken.id)
    assert (followed.status, followed.smtp_code) == ("sent", 250)
    assert followed.sent_at is not None
    assert post.delivery(taken.delivery).email == "ada@example.org"
    assert [mail.id for mail in post.deliveries_to("ada@example.org")] == [taken.delivery]


def test_the_same_key_is_one_mail_and_without_one_each_call_is(post: AfternoonPost, reset: None):
    later = timezone.now().replace(microsecond=0) + timedelta(hours=2)
    mails = [
        post.notify("ada@example.org", "reset", {"link": "x"}, send_at=later, key=key) for key in ("7", "7", None, None)
    ]
    assert mails[0] == mails[1]
    assert mails[0].send_at == later
    assert Mailing.objects.count() == 3
    with pytest.raises(ValueError, match="no time zone"):
        post.notify("ada@example.org", "reset", {"link": "x"}, send_at=datetime(2026, 1, 1))


def test_the_log_is_read_by_mailing_and_state(post: AfternoonPost, digest: Digest):
    sent = make_sent_mail(digest, "person0@example.org", NOON)
    failed = make_sent_mail(digest, "person1@example.org", NOON, status="failed")
    assert [mailing.id for mailing in post.mailings(list="news")] == [failed.mailing_id, sent.mailing_id]
    assert list(post.mailings(status="cancelled")) == []
    assert post.mailing(sent.mailing_id).started_at == NOON
    assert [mail.email for mail in post.deliveries(failed.mailing_id, status="failed")] == ["person1@example.org"]
    assert list(post.deliveries(sent.mailing_id, status="failed")) == []


def test_addresses_are_suppressed_and_lifted(post: AfternoonPost):
    until = timezone.now().replace(microsecond=0) + timedelta(days=3)
    assert post.suppress("ada@example.org", "asked", until).expires_at == until
    assert [(one.email, one.note) for one in post.suppressions()] == [("ada@example.org", "asked")]
    assert post.suppression("ada@example.org").reason == "manual"
    post.lift_suppression("ada@example.org", "asked again")
    with pytest.raises(Problem) as caught:
        post.suppression("ada@example.org")
    assert (caught.value.status, caught.value.title) == (404, "Not Found")


def test_a_problem_names_each_field(post: AfternoonPost):
    make_list("news")
    with pytest.raises(Problem) as caught:
        post.write_items("news", [NewItem("One"), NewItem("Two", url="ftp://example.org", category="x" * 101)])
    assert caught.value.status == 422
    assert set(caught.value.fields) == {"items.1.url", "items.1.category"}
    assert "422 Unprocessable" in str(caught.value)
    assert not Delivery.objects.exists()


def test_a_key_that_is_none_is_a_problem_and_a_key_that_asks_too_often_waits(post: AfternoonPost, live_server: Any):
    with pytest.raises(Problem) as caught:
        AfternoonPost(live_server.url, "ap_nothing").lists()
    assert caught.value.status == 401
    waits: list[float] = []
    hasty = AfternoonPost(live_server.url, make_key(per_minute=1), retries=1, sleep=waits.append)
    hasty.lists()
    with pytest.raises(Problem) as caught:
        for _ in range(3):  # a minute may end in between
            hasty.lists()
    assert caught.value.status == 429
    assert len(waits) >= 1
    assert all(1 <= wait <= 60 for wait in waits)


def test_where_nobody_answers_it_is_unreachable():
    with pytest.raises(Unreachable, match="can't be asked"):
        AfternoonPost("http://127.0.0.1:1", "ap_x", retries=0).lists()
