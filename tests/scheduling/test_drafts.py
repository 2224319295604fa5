"""What staff look at is what goes out; a test mail goes the whole way and touches nothing of the digest."""

from datetime import datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from uuid import uuid4

import pytest
from django.utils import timezone

from mailer.models import Announcement, Digest, DigestItem, Mailing, Recipient, Subscription
from mailer.scheduling.drafts import draft_announcement, draft_digest, letter_of, plan_test
from mailer.scheduling.planning import plan_now
from mailer.sending.batch import send_range
from mailer.sending.claim import Range
from mailer.templating.authoring import emails_root
from mailer.templating.sandbox import TemplateError
from mailer.templating.sync import sync_folder
from tests.build import make_item, make_list, subscribe
from tests.fake_relay import FakeRelay, Received

pytestmark = pytest.mark.django_db


def send(mailing: Mailing) -> None:
    send_range(Range(mailing.pk, 0, 2**62), uuid4(), timezone.now)


def read(received: Received) -> EmailMessage:
    message = message_from_bytes(received.message, policy=policy.SMTP)
    assert isinstance(message, EmailMessage)
    return message


def body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    return part.get_content().replace("\r\n", "\n").strip()


def without_links(text: str) -> str:
    """An unsubscribe link's token is a person's own; the preview's does nothing."""
    return "/u/".join(piece if place == 0 else piece.partition('"')[2] for place, piece in enumerate(text.split("/u/")))


@pytest.mark.parametrize("with_own_items", [False, True])
def test_the_letter_shown_is_the_letter_sent(digest: Digest, relay: FakeRelay, with_own_items: bool):
    ada = subscribe(digest.list, "ada@example.org", name="Ada <b> Lindqvist", attributes={"city": "Uppsala"})
    make_item(digest.list, "The harbour & the bridge")
    make_item(digest.list, "Second", position=1)
    if with_own_items:
        make_item(digest.list, "For Ada alone", recipient=ada)
    now = timezone.now()
    shown = letter_of(draft_digest(digest, ada, now), ada).mail
    send(plan_now(digest, now))
    sent = read(next(mail for mail in relay.received if mail.recipient == "ada@example.org"))
    assert sent["Subject"] == shown.subject
    assert without_links(body(sent, "html")) == without_links(shown.html.strip())
    assert body(sent, "plain").partition("https://")[0] == shown.text.strip().partition("https://")[0]
    assert ("For Ada alone" in shown.html) == with_own_items


def test_looking_pins_no_items_and_writes_nothing(digest: Digest):
    make_item(digest.list)
    letter_of(draft_digest(digest, None, timezone.now()), None)
    assert Mailing.objects.count() == 0
    assert plan_now(digest, timezone.now()).mailing_items.count() == 1


def test_a_test_goes_to_one_person_and_leaves_the_digest_as_it_was(digest: Digest, relay: FakeRelay):
    make_item(digest.list, "The harbour is open")
    staff, now = Recipient.objects.create(email="staff@example.org", name="Stef"), timezone.now()
    mailing = plan_test(draft_digest(digest, staff, now), staff, None, now)
    send(mailing)
    assert relay.recipients() == ["staff@example.org"]
    message = read(relay.received[0])
    assert message["Subject"].startswith("[Test] 1 new on News")
    assert message["From"] == "News <post@example.org>"
    assert "The harbour is open" in body(message, "html")
    mailing.refresh_from_db()
    assert (mailing.status, mailing.digest, mailing.mailing_items.count()) == ("done", None, 0)
    assert DigestItem.objects.waiting(digest, now).count() == 1


def test_a_tests_link_ends_nobodys_subscription(digest: Digest, relay: FakeRelay, client):
    make_item(digest.list)
    person, now = Recipient.objects.get(email="person0@example.org"), timezone.now()
    send(plan_test(draft_digest(digest, person, now), person, None, now))
    link = read(relay.received[0])["List-Unsubscribe"].strip("<>")
    client.post(link.removeprefix("https://post.example.org"), {"List-Unsubscribe": "One-Click"})
    assert Subscription.objects.active().filter(recipient=person).exists()


def test_dates_in_a_test_read_as_in_the_digest(digest: Digest, relay: FakeRelay, now: datetime):
    make_item(digest.list)
    person = Recipient.objects.get(email="person0@example.org")
    send(plan_test(draft_digest(digest, person, now), person, None, now))
    assert read(relay.received[0])["Subject"] == "[Test] 1 new on News, 23 November"


def test_an_announcement_is_shown_by_a_list_that_the_person_is_on(template, now: datetime):
    first, second = make_list("aaa"), make_list("bbb", people=1)
    announcement = Announcement.objects.create(name="x", template=template, fields={"count": 1, "items": []})
    announcement.lists.set([first, second])
    person = Recipient.objects.get()
    assert draft_announcement(announcement, person, now).mailing.list == second
    assert letter_of(draft_announcement(announcement, None, now), None).mail.subject.startswith("1 new on Aaa")


def test_what_cannot_be_filled_is_said_and_not_sent(template, now: datetime):
    announcement = Announcement.objects.create(name="x", template=template)
    person = Recipient.objects.create(email="staff@example.org")
    with pytest.raises(TemplateError, match="count"):
        plan_test(draft_announcement(announcement, person, now), person, None, now + timedelta(minutes=1))
    assert Mailing.objects.count() == 0


def test_a_summarys_markdown_and_the_lists_look_arrive_also_in_a_test_mail(digest: Digest, relay: FakeRelay):
    synced = sync_folder(emails_root() / "digest")
    assert synced is not None
    digest.template, digest.list.accent = synced.version.template, "#8a1c1c"
    digest.list.save()
    digest.save()
    make_item(digest.list, "The harbour", summary="**Forty** boats, see the [list](https://boats.example/).")
    make_item(digest.list, "The bridge is closed", summary="The bridge is closed.")
    now = timezone.now()
    me = Recipient.objects.create(email="me@example.org")
    send(plan_test(draft_digest(digest, me, now), me, None, now))
    send(plan_now(digest, now))
    for mail in relay.received:
        html, text = (body(read(mail), kind) for kind in ("html", "plain"))
        assert '<strong>Forty</strong> boats, see the <a href="https://boats.example/" style="color:#8a1c1c">' in html
        assert "Forty boats, see the list (https://boats.example/)." in text
        assert "The bridge is closed." not in html
    assert {mail.recipient for mail in relay.received} > {"me@example.org"}
