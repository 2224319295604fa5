"""A mail is shown as it went out, byte for byte but for what acts, to those who may see whom it went to."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone

from mailer.admin.mail_frames import PREVIEW_POLICY
from mailer.models import Delivery, Digest, DigestItem, Mailing, MailingItem, Recipient, RecipientList
from mailer.notify import notify_user
from mailer.scheduling.planning import plan_now
from mailer.tasks import deliver
from tests.build import make_item
from tests.fake_relay import FakeRelay

#: What differs from one making of a mail to the next: its boundary, its seconds, and here its token.
OWN = re.compile(rb'boundary="[^"]+"|--=_\w+|Date: [^\r]+|/u/[\w-]+')
Page = dict[str, object]


@pytest.fixture
def sent(digest: Digest, relay: FakeRelay) -> Mailing:
    """To three people, of whom the first has an item of her own, with a dot where a dot is doubled."""
    make_item(digest.list, "The harbour is open", summary=".")
    make_item(digest.list, "For you alone", recipient=Recipient.objects.get(email="person0@example.org"))
    mailing = plan_now(digest, timezone.now())
    ids = sorted(mailing.deliveries.values_list("pk", flat=True))
    deliver.apply(args=(mailing.pk, ids[0], ids[-1]))
    mailing.refresh_from_db()
    assert mailing.sent == 3
    return mailing


def mail_to(mailing: Mailing, number: int = 0) -> Delivery:
    return mailing.deliveries.get(recipient__email=f"person{number}@example.org")


def look(client: Client, delivery: Delivery, part: str = "as_sent") -> str:
    answer = client.get(f"/admin/mailer/delivery/{delivery.pk}/{part}")
    assert answer.status_code == 200
    return str(answer.content.decode())


@pytest.mark.parametrize("number", [0, 1])
def test_what_is_shown_is_what_was_sent(sent: Mailing, relay: FakeRelay, admin_client: Client, number: int):
    message = next(mail.message for mail in relay.received if mail.recipient == f"person{number}@example.org")
    copy = admin_client.get(f"/admin/mailer/delivery/{mail_to(sent, number).pk}/as_sent/").context["copy"]
    head, _, rest = message.partition(b"\r\n\r\n")
    assert OWN.sub(b"", copy.head.replace("\n", "\r\n").encode()) == OWN.sub(b"", head)
    for part in (copy.html, copy.text):
        content = part.strip().replace("\r\n", "\n").replace("\n", "\r\n").encode()
        assert OWN.sub(b"", content) in OWN.sub(b"", rest)
    assert ("For you alone" in copy.html) == (number == 0)


def test_a_look_can_unsubscribe_nobody(sent: Mailing, admin_client: Client, relay: FakeRelay):
    token = re.findall(rb"/u/([\w-]+)", relay.received[0].message)[0].decode()
    delivery = mail_to(sent)
    for part in ("as_sent/", "copy/", "copy/?part=text"):
        page = look(admin_client, delivery, part)
        assert token not in page
    assert "/u/not-shown-here" in look(admin_client, delivery, "copy/?part=text")
    assert '<base target="_blank">' in look(admin_client, delivery, "copy/")


def test_the_frame_runs_and_loads_nothing(sent: Mailing, admin_client: Client):
    answer = admin_client.get(f"/admin/mailer/delivery/{mail_to(sent).pk}/copy/")
    assert answer.headers["Content-Security-Policy"] == PREVIEW_POLICY
    assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert "no-store" in answer.headers["Cache-Control"]
    assert '<iframe sandbox=""' in look(admin_client, mail_to(sent), "as_sent/")


def test_it_is_exact_until_something_that_it_is_made_of_changes(sent: Mailing, admin_client: Client):
    delivery = mail_to(sent)
    page = look(admin_client, delivery, "as_sent/")
    assert "As it went out" in page
    assert "may not be exactly" not in page
    person = delivery.recipient
    person.attributes = {"city": "Bonn"}
    person.save()
    RecipientList.objects.get().save()
    item = DigestItem.objects.get(title="The harbour is open")
    item.title = "The harbour is closed"
    item.save()
    page = look(admin_client, delivery, "as_sent/")
    assert "It may not be exactly what went out" in page
    for said in ("The person was changed", "The list was changed", "The item “The harbour is closed” was changed"):
        assert said in page
    assert "The person was changed" not in look(admin_client, mail_to(sent, 1), "as_sent/")


def test_an_item_that_was_deleted_is_missed(sent: Mailing, admin_client: Client):
    MailingItem.objects.order_by("position")[0].delete()
    assert "An item that was in this mailing has been deleted." in look(admin_client, mail_to(sent), "as_sent/")


def test_the_mail_of_an_erased_person_cannot_be_shown(sent: Mailing, admin_client: Client):
    delivery = mail_to(sent)
    Recipient.objects.filter(pk=delivery.recipient_id).delete()
    assert "The person was erased" in look(admin_client, delivery, "as_sent/")
    assert "The person was erased" in look(admin_client, delivery, "copy/")
    assert "View as" not in look(admin_client, delivery, "change/")


def test_a_mail_that_never_left_is_shown_as_it_would_be(sent: Mailing, admin_client: Client):
    delivery = mail_to(sent)
    Delivery.objects.filter(pk=delivery.pk).update(status="skipped", reason="paused", sent_at=None, attempts=0)
    assert "View as it would be now" in look(admin_client, delivery, "change/")
    assert "This is how it would be now" in look(admin_client, delivery, "as_sent/")


def test_a_mailing_leads_to_the_mail_to_anybody(sent: Mailing, admin_client: Client):
    url = f"/admin/mailer/mailing/{sent.pk}/as_sent/"
    assert "View as sent" in admin_client.get(f"/admin/mailer/mailing/{sent.pk}/change/").content.decode()
    told = admin_client.get(url, {"to": " PERSON2@example.org"})
    assert told.headers["Location"] == f"/admin/mailer/delivery/{mail_to(sent, 2).pk}/as_sent/"
    assert admin_client.get(url, follow=True).context["copy"].html
    nobody = admin_client.get(url, {"to": "nobody@example.org"}, follow=True).content.decode()
    assert "There is no mail to nobody@example.org in this mailing." in nobody


def test_who_may_not_see_addresses_reads_nobodys_mail(sent: Mailing):
    reviewer = User.objects.create_user("reviewer", is_staff=True)
    reviewer.user_permissions.set(Permission.objects.filter(codename__in=["view_mailing", "view_delivery"]))
    client = Client()
    client.force_login(reviewer)
    delivery = mail_to(sent)
    assert "View as" not in look(client, delivery, "change/")
    for url in (f"delivery/{delivery.pk}/as_sent/", f"delivery/{delivery.pk}/copy/", f"mailing/{sent.pk}/as_sent/"):
        assert client.get(f"/admin/mailer/{url}").status_code == 403


def test_a_single_mail_which_may_hold_a_code_is_read_by_superusers_only(
    digest: Digest, admin_client: Client, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks():
        notify_user("zoe@example.org", "digest", {"count": 1, "items": [], "links": {"unsubscribe": "x"}})
    delivery = Delivery.objects.get(recipient__email="zoe@example.org")
    Delivery.objects.filter(pk=delivery.pk).update(status="sent", sent_at=timezone.now() + timedelta(seconds=1))
    sender = User.objects.create_user("sender", is_staff=True)
    sender.user_permissions.set(Permission.objects.filter(codename__in=["view_delivery", "see_address"]))
    client = Client()
    client.force_login(sender)
    assert client.get(f"/admin/mailer/delivery/{delivery.pk}/as_sent/").status_code == 403
    assert "1 new on" in look(admin_client, delivery, "as_sent/")
