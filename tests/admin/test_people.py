"""Finding a person, and what staff do about one: each with the right permission, by POST, with a note that stays."""

import csv
import json
from datetime import timedelta
from io import StringIO

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from mailer.audience.return_paths import ReturnPaths
from mailer.models import (
    BounceScore,
    ConsentEvent,
    Delivery,
    Erasure,
    LiftedSuppression,
    Mailing,
    Recipient,
    Return,
    ReturnCount,
    Subscription,
    Suppression,
)
from mailer.sending.message_id import message_id
from tests.admin.world import World, add_mailing, add_person


@pytest.fixture
def page(world: World) -> str:
    """The address of the first person's page."""
    return f"/admin/mailer/recipient/{world.people[0].pk}/"


def grant(*names: str) -> None:
    user = User.objects.get(username="powerless")
    user.user_permissions.add(*Permission.objects.filter(codename__in=names))


def test_an_address_in_any_spelling_leads_to_the_person(admin_client: Client, page: str) -> None:
    answer = admin_client.get("/admin/mailer/recipient/find/", {"q": " PERSON0@Example.com "})
    assert answer.headers["Location"] == f"{page}change/"


def test_a_message_id_leads_to_its_mail(admin_client: Client, world: World) -> None:
    mail = world.mailing.deliveries.first()
    answer = admin_client.get("/admin/mailer/recipient/find/", {"q": message_id(mail.pk)})
    assert answer.headers["Location"] == f"/admin/mailer/delivery/{mail.pk}/change/"


def test_a_return_path_leads_to_its_mail(admin_client: Client, world: World, settings: Settings) -> None:
    settings.BOUNCE_ADDRESS = "bounces@bounce.example.org"
    mail = world.mailing.deliveries.first()
    answer = admin_client.get("/admin/mailer/recipient/find/", {"q": f"<{ReturnPaths().make(mail.pk)}>"})
    assert answer.headers["Location"] == f"/admin/mailer/delivery/{mail.pk}/change/"


def test_a_persons_page_tells_what_came_back_and_what_it_counts(admin_client: Client, page: str, world: World) -> None:
    mail = world.mailing.deliveries.get(recipient=world.people[0])
    Mailing.objects.filter(pk=world.mailing.pk).update(scheduled_for=timezone.now())
    Delivery.objects.filter(pk=mail.pk).update(status="bounced", reason="mailbox", sent_at=timezone.now())
    words = "552 5.2.2 <person0@example.com> is full"
    Return.objects.create(delivery=mail, at=timezone.now(), outcome="temporary", source="pipe", diagnostic=words)
    BounceScore.objects.create(email="person0@example.com", score=2, at=timezone.now(), sent_at=timezone.now())
    text = admin_client.get(f"{page}change/").content.decode()
    assert "and it came back: the mailbox could not take it." in text
    assert "552 5.2.2 &lt;person0@example.com&gt; is full" in text
    assert "2.0 of them" in text
    log = admin_client.get("/admin/mailer/delivery/").content.decode()
    assert "552 5.2.2" in log
    held = Suppression.objects.create(email="person0@example.com", reason="soft_bounces", note=words)
    text = admin_client.get(f"{page}change/").content.decode()
    assert "No list&#x27;s mail goes to this address: too many mails came back" in text
    admin_client.post(f"{page}lift/", {"note": "she made room"})
    assert not Suppression.objects.filter(pk=held.pk).exists()
    assert not BounceScore.objects.exists()


def test_what_came_in_is_counted_above_the_list_of_what_came_back(admin_client: Client, world: World) -> None:
    today = timezone.now().date()
    for days, what, count in ((0, "no_report", 3), (2, "no_report", 4), (7, "no_report", 100), (1, "gone", 1)):
        day = today - timedelta(days=days)
        ReturnCount.objects.create(day=day, source="pipe", what=what, count=count)
    text = admin_client.get("/admin/mailer/return/").content.decode()
    assert "7 mails: was no report but an ordinary mail" in text
    assert "1 mail: there is no such address" in text


def test_who_sees_no_addresses_finds_whole_ones_only(powerless: Client, world: World) -> None:
    assert powerless.get("/admin/mailer/recipient/find/").status_code == 403
    grant("view_recipient")
    assert "is not a whole address" in powerless.get("/admin/mailer/recipient/find/", {"q": "person"}).content.decode()
    assert powerless.get("/admin/mailer/recipient/find/", {"q": "person0@example.com"}).status_code == 302


def test_a_persons_page_tells_lists_mails_and_what_was_refused(admin_client: Client, page: str) -> None:
    text = admin_client.get(f"{page}change/").content.decode()
    assert "Gets the mail of 1 list." in text
    assert "subscribed on" in text
    assert 'id="mails"' in text


def test_suppressing_and_lifting_keep_who_when_and_why(admin_client: Client, page: str) -> None:
    admin_client.post(f"{page}suppress/", {"reason": "manual", "note": "asked by phone"})
    held = Suppression.objects.get()
    assert (held.email, held.note, held.created_by.username) == ("person0@example.com", "asked by phone", "admin")
    admin_client.post(f"{page}lift/", {"note": ""})
    assert Suppression.objects.exists()
    admin_client.post(f"{page}lift/", {"note": "changed her mind"})
    kept = LiftedSuppression.objects.get()
    assert (kept.lift_note, kept.lifted_by.username) == ("changed her mind", "admin")
    assert list(LogEntry.objects.order_by("pk").values_list("change_message", flat=True)) == [
        "Suppressed: asked by phone", "Lifted the suppression: changed her mind",
    ]  # fmt: skip


def test_unsubscribing_keeps_by_whose_word(admin_client: Client, page: str, world: World) -> None:
    admin_client.post(f"{page}unsubscribe/", {"list": world.mailing_list.pk, "note": "a letter"})
    assert Subscription.objects.get(recipient=world.people[0]).status == "unsubscribed"
    event = ConsentEvent.objects.get()
    assert (event.what, event.source, event.by.username) == ("unsubscribed", "staff: a letter", "admin")


def test_a_form_and_a_deletion_of_a_subscription_are_kept_too(admin_client: Client, world: World) -> None:
    row = Subscription.objects.get(recipient=world.people[0])
    url = f"/admin/mailer/subscription/{row.pk}/"
    admin_client.post(f"{url}change/", {"status": "unsubscribed", "cadence": "weekly"})
    admin_client.post(f"{url}delete/", {"post": "yes"})
    kept = list(ConsentEvent.objects.values_list("what", flat=True))
    assert sorted(kept) == ["cadence", "removed", "subscribed", "unsubscribed"]


def test_what_is_stored_about_a_person_can_be_had_as_a_file(admin_client: Client, page: str) -> None:
    answer = admin_client.post(f"{page}dossier/")
    assert "attachment" in answer.headers["Content-Disposition"]
    told = json.loads(answer.content)
    assert told["person"]["address"] == "person0@example.com"
    assert [mail["state"] for mail in told["mails"]] == ["Failed"]
    table = list(csv.reader(StringIO(admin_client.post(f"{page}dossier/", {"form": "csv"}).content.decode())))
    assert ["person", "", "address", "person0@example.com"] in table
    assert ["mails", "1", "state", "Failed"] in table
    assert {entry.get_change_message() for entry in LogEntry.objects.all()} == {
        "Exported what is stored about this person."
    }


def test_a_person_is_erased_only_when_it_is_meant(admin_client: Client, page: str, world: World) -> None:
    assert "will be forgotten" in admin_client.get(f"{page}delete/").content.decode()
    assert "Tick the box" in admin_client.post(f"{page}delete/", {"note": "letter 17"}).content.decode()
    assert Recipient.objects.filter(pk=world.people[0].pk).exists()
    admin_client.post(f"{page}delete/", {"note": "letter 17", "sure": "on"})
    assert not Recipient.objects.filter(pk=world.people[0].pk).exists()
    assert Erasure.objects.get().note == "letter 17"


def test_an_erased_address_can_be_let_in_again(admin_client: Client, page: str) -> None:
    admin_client.post(f"{page}delete/", {"sure": "on"})
    assert (
        "was erased on"
        in admin_client.get("/admin/mailer/recipient/find/", {"q": "person0@example.com"}).content.decode()
    )
    admin_client.post(
        "/admin/mailer/recipient/lift-erasure/", {"address": "person0@example.com", "note": "signed up in the shop"}
    )
    assert Erasure.objects.get().lift_note == "signed up in the shop"


@pytest.mark.parametrize("action", ["suppress", "lift", "unsubscribe", "dossier"])
def test_nothing_is_done_by_get_or_without_the_permission(
    action: str, admin_client: Client, powerless: Client, page: str
) -> None:
    assert admin_client.get(f"{page}{action}/").status_code == 405
    grant("view_recipient", "view_suppression", "view_subscription")
    assert powerless.post(f"{page}{action}/", {"note": "x", "reason": "manual"}).status_code == 403
    assert powerless.get(f"{page}delete/").status_code == 403


def test_why_not_answers_with_links(admin_client: Client, world: World) -> None:
    asked = {"address": "person4@example.com", "digest": world.digest.pk, "day": "2025-11-24"}
    text = admin_client.get("/admin/mailer/recipient/why/", asked).content.decode()
    assert "Skipped on Mon 24 Nov 2025 15:00 UTC: unsubscribed from the list." in text
    assert f"/admin/mailer/mailing/{world.mailing.pk}/change/" in text


def test_the_pages_cost_the_same_however_many_mails_there_are(admin_client: Client, world: World, page: str) -> None:
    asked = f"/admin/mailer/recipient/why/?address=person0@example.com&digest={world.digest.pk}"
    addresses = [f"{page}change/", asked, "/admin/mailer/recipient/find/?q=person"]
    add_mailing(world.digest, world.people, timezone.now() - timedelta(days=50))
    few = [_queries(admin_client, address) for address in addresses]
    for number in range(1, 31):
        add_mailing(world.digest, world.people, timezone.now() - timedelta(days=number))
        add_person(world.mailing_list, 100 + number)
    assert [_queries(admin_client, address) for address in addresses] == few
    assert max(few) <= 40


def _queries(client: Client, address: str) -> int:
    client.get(address)
    with CaptureQueriesContext(connection) as queries:
        assert client.get(address).status_code == 200
    return len(queries)
