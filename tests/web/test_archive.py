"""A list's public archive: only if the list says so, only what went to everybody, and nothing of anybody."""

import re
from datetime import timedelta
from xml.etree import ElementTree

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from mailer.models import Announcement, Digest, DigestItem, Mailing, Recipient, RecipientList, Segment
from mailer.scheduling.planning import plan_now
from mailer.sending.message import make_sender, shared_head
from mailer.tasks import deliver
from tests.build import make_item
from tests.fake_relay import FakeRelay

pytestmark = pytest.mark.django_db
PAGES = ("/lists/news/", "/lists/news/feed.xml", "/lists/news/{}/")
ATOM = "{http://www.w3.org/2005/Atom}"


@pytest.fixture
def sent(digest: Digest, relay: FakeRelay) -> Mailing:
    """A digest of a list with a public archive, of which one person got an item of her own."""
    RecipientList.objects.update(archive_is_public=True, description="From the harbour")
    digest.refresh_from_db()
    make_item(digest.list, "The harbour is open")
    make_item(digest.list, "Secret of person 0", recipient=Recipient.objects.get(email="person0@example.org"))
    mailing = plan_now(digest, timezone.now())
    ids = sorted(mailing.deliveries.values_list("pk", flat=True))
    deliver.apply(args=(mailing.pk, ids[0], ids[-1]))
    mailing.refresh_from_db()
    return mailing


def again(mailing: Mailing, **values: object) -> Mailing:
    """A mailing like it, with what is different."""
    items = list(mailing.mailing_items.all())
    copied = Mailing.objects.get(pk=mailing.pk)
    copied.pk, copied.key = None, None
    for name, value in ({"scheduled_for": mailing.scheduled_for - timedelta(days=1)} | values).items():
        setattr(copied, name, value)
    copied.save(force_insert=True)
    if copied.kind == "digest":
        for item in items:
            copied.mailing_items.create(item=item.item, position=item.position, recipient=item.recipient)
    return copied


def entries_of(feed: HttpResponse) -> list[ElementTree.Element]:
    return ElementTree.fromstring(feed.content).findall(f"{ATOM}entry")  # noqa: S314 - we wrote it


def archived(client: Client) -> list[int]:
    return [int(pk) for pk in re.findall(r'href="/lists/news/(\d+)/"', client.get(PAGES[0]).content.decode())]


def test_it_shows_what_everybody_got_and_nothing_of_anybody(sent: Mailing, client: Client):
    for path in PAGES:
        page = client.get(path.format(sent.pk)).content.decode()
        assert "The harbour is open" in page
        assert "1 new on News" in page or path == PAGES[2]
        for theirs in ("Secret", "Person", "person0", "@", "/u/", "/v/"):
            assert theirs not in page
    assert "Hello you" in client.get(PAGES[2].format(sent.pk)).content.decode()


def test_a_list_that_does_not_say_so_has_no_archive(sent: Mailing, client: Client):
    RecipientList.objects.update(archive_is_public=False)
    assert [client.get(path.format(sent.pk)).status_code for path in PAGES] == [404, 404, 404]
    assert [client.get(path.format(1).replace("news", "none")).status_code for path in PAGES] == [404, 404, 404]
    assert RecipientList().archive_is_public is False


def test_a_mail_is_in_the_archive_of_its_own_list_only(sent: Mailing, client: Client):
    RecipientList.objects.create(slug="other", name="Other", archive_is_public=True)
    assert client.get(f"/lists/other/{sent.pk}/").status_code == 404
    assert client.get(f"/lists/news/{'9' * 30}/").status_code == 404


@pytest.mark.parametrize(
    "values",
    [
        {"status": "planned"},
        {"status": "sending"},
        {"status": "cancelled"},
        {"status": "missed"},
        {"sent": 0},
        {"kind": "test", "digest": None},
        {"kind": "notification", "digest": None},
        {"is_local": True, "time_zone": "Asia/Tokyo"},
    ],
)
def test_what_is_not_finished_not_for_everybody_or_there_already_is_left_out(
    sent: Mailing, client: Client, values: dict[str, object]
):
    first = {"first_finished_at": None} if values.get("status") == "sending" else {}
    other = again(sent, **values, **first)
    assert archived(client) == [sent.pk]
    assert client.get(PAGES[2].format(other.pk)).status_code == 404
    assert client.get(PAGES[1]).content.decode().count("<entry>") == 1


def test_a_mailing_stays_while_staff_retry_a_mail_of_it(sent: Mailing, client: Client):
    Mailing.objects.update(status="sending", finished_at=None)
    assert archived(client) == [sent.pk]
    assert client.get(PAGES[1]).status_code == 200


def test_a_digest_of_own_items_only_is_left_out(sent: Mailing, client: Client):
    sent.mailing_items.filter(recipient=None).delete()
    assert archived(client) == []


def test_an_item_that_became_one_persons_own_is_not_shown(sent: Mailing, client: Client):
    shared = make_item(sent.list, "Another")
    sent.mailing_items.create(item=shared, position=3)
    DigestItem.objects.filter(pk=shared.pk).update(recipient=Recipient.objects.first())
    assert "Another" not in client.get(PAGES[2].format(sent.pk)).content.decode()
    assert "Another" not in client.get(PAGES[1]).content.decode()


def test_an_announcement_is_shown_under_its_subject_unless_it_went_to_a_segment(sent: Mailing, client: Client):
    announcement = Announcement.objects.create(name="Staff's own name", template=sent.version.template)
    said = {"count": 5, "items": []}
    other = again(sent, kind="announcement", digest=None, announcement=announcement, context=said)
    assert archived(client) == [sent.pk, other.pk]
    page = client.get(PAGES[0]).content.decode()
    assert "5 new on News" in page
    assert "Staff" not in page
    announcement.segment = Segment.objects.create(name="Some", list=sent.list)
    announcement.save()
    assert archived(client) == [sent.pk]
    assert client.get(PAGES[2].format(other.pk)).status_code == 404


def test_a_mail_that_needs_somebody_to_address_is_not_shown(sent: Mailing, client: Client):
    type(sent.version).objects.update(subject="{{ recipient.attributes.plan }}", html="{{ recipient.attributes.plan }}")
    assert ">News</a>" in client.get(PAGES[0]).content.decode()
    assert client.get(PAGES[2].format(sent.pk)).status_code == 404


def test_pages_follow_each_other_without_a_gap(sent: Mailing, client: Client):
    others = [again(sent, scheduled_for=sent.scheduled_for - timedelta(days=day)).pk for day in range(1, 43)]
    found, path = [], PAGES[0]
    while path:
        page = client.get(path).content.decode()
        found += [int(pk) for pk in re.findall(r'href="/lists/news/(\d+)/"', page)]
        older = re.search(r'href="(\?before=\d+)"', page)
        path = f"{PAGES[0]}{older[1]}" if older else ""
    assert found == [sent.pk, *others]
    assert len(entries_of(client.get(PAGES[1]))) == 43
    for odd in ("x", "-1", "9" * 40, "²", ""):
        assert client.get(PAGES[0], {"before": odd}).status_code == 200


def test_the_feed_has_at_most_fifty_entries_and_says_when_nothing_is_new(sent: Mailing, client: Client):
    for day in range(1, 60):
        again(sent, scheduled_for=sent.scheduled_for - timedelta(days=day))
    first = client.get(PAGES[1])
    assert first.headers["Content-Type"].startswith("application/atom+xml")
    entries = entries_of(first)
    assert len(entries) == 50
    assert entries[0].find(f"{ATOM}link").get("href").endswith(PAGES[2].format(sent.pk))
    assert client.get(PAGES[1], headers={"If-None-Match": first.headers["ETag"]}).status_code == 304
    assert client.get(PAGES[1], headers={"If-Modified-Since": first.headers["Last-Modified"]}).status_code == 304
    Mailing.objects.filter(pk=sent.pk).delete()
    assert client.get(PAGES[1], headers={"If-None-Match": first.headers["ETag"]}).status_code == 200


def test_what_an_item_is_called_is_text_in_the_feed_and_on_the_page(sent: Mailing, client: Client):
    DigestItem.objects.filter(recipient=None).update(title="<script>1</script>")
    summary = entries_of(client.get(PAGES[1]))[0].find(f"{ATOM}summary")
    assert (summary.get("type"), summary.text) == ("html", "&lt;script&gt;1&lt;/script&gt;")
    assert "<script>" not in client.get(PAGES[0]).content.decode()


def test_an_empty_archive_says_so(sent: Mailing, client: Client):
    Mailing.objects.all().update(status="cancelled")
    assert "Nothing went out yet" in client.get(PAGES[0]).content.decode()
    assert client.get(PAGES[1]).status_code == 200


def test_mails_of_a_list_with_an_archive_name_it_in_their_header(sent: Mailing, relay: FakeRelay, settings):
    field = f"\r\nList-Archive: <{settings.SITE_URL}/lists/news/>\r\n".encode()
    assert all(field in mail.message for mail in relay.received)
    sent.list.archive_is_public = False
    assert b"List-Archive" not in shared_head(make_sender(sent.list, "Post", "post@example.org"), "=_x")
