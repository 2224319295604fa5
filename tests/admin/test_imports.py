"""From an upload to its undoing, by the pages alone; and lists that come out as CSV and go in again."""

import csv
import json
from io import StringIO
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from mailer.audience.uploads import keep_file
from mailer.insight import exports
from mailer.insight.exports import stream_csv
from mailer.models import Import, Recipient, RecipientList, Subscription, Suppression
from mailer.tasks import work_on_import
from tests.admin.world import World, add_person
from tests.build import finish

ADD = "/admin/mailer/import/add/"
FILE = "Mail;Name;plan\nada@example.org;Ada;pro\nnonsense;X;\nperson0@example.com;Renamed;\n"


def upload(client: Client, world: World, **values: Any) -> Any:
    file = SimpleUploadedFile("people.csv", FILE.encode())
    return client.post(ADD, {"list": world.mailing_list.pk, "file": file, **values})


def step(client: Client, name: str, **values: Any) -> Import:
    """Press a button, and do what a worker does then."""
    imported = Import.objects.get()
    answer = client.post(f"/admin/mailer/import/{imported.pk}/{name}/", values)
    assert answer.status_code == 302, answer.content.decode()[:2000]
    work_on_import(imported.pk)
    imported.refresh_from_db()
    return imported


def page(client: Client) -> str:
    return str(client.get(f"/admin/mailer/import/{Import.objects.get().pk}/change/").content.decode())


LAYOUT = {
    "encoding": "utf-8-sig",
    "delimiter": ";",
    "first_line": "yes",
    "column0": "email",
    "column1": "name",
    "column2": "attribute:plan",
}


def test_a_file_is_uploaded_checked_imported_and_undone(admin_client: Client, world: World) -> None:
    assert upload(admin_client, world).status_code == 302
    assert "Is this right?" in page(admin_client)
    assert "Attribute “plan”" in page(admin_client)
    imported = step(admin_client, "layout", **LAYOUT)
    assert imported.state == "checked"
    assert "is not a mail address" in page(admin_client)
    assert not Recipient.objects.filter(email="ada@example.org").exists()
    imported = step(admin_client, "start")
    assert imported.state == "done"
    assert Recipient.objects.get(email="ada@example.org").attributes == {"plan": "pro"}
    assert Recipient.objects.get(email="person0@example.com").name == "Renamed"
    bad = admin_client.get(f"/admin/mailer/import/{imported.pk}/bad-lines/")
    assert b"nonsense" in b"".join(bad.streaming_content)
    imported = step(admin_client, "undo")
    assert imported.state == "undone"
    assert "1 subscription and 1 recipient are gone" in page(admin_client)
    assert Recipient.objects.get(email="person0@example.com").name == "Person 0"
    said = [entry.change_message for entry in LogEntry.objects.order_by("pk")]
    assert said == ["Uploaded for News.", "Checked.", "Started.", "Undone."]


def test_addresses_are_pasted(admin_client: Client, world: World) -> None:
    admin_client.post(ADD, {"list": world.mailing_list.pk, "addresses": "Ada <ada@example.org>, bob@example.org"})
    step(admin_client, "layout", **{**LAYOUT, "delimiter": ",", "column2": ""})
    assert step(admin_client, "start").counts["new"] == 2


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"PK\x03\x04", "Excel workbook"), (b"", "is empty"), (b"\xe9\n", "not UTF-8")],
)
def test_what_cannot_be_read_is_said_on_the_page(
    content: bytes, reason: str, admin_client: Client, world: World
) -> None:
    answer = upload(admin_client, world, file=SimpleUploadedFile("people.csv", content))
    assert reason in answer.content.decode()
    assert not Import.objects.exists()


def test_a_file_and_a_list_are_needed(admin_client: Client, world: World) -> None:
    assert "one of the two" in admin_client.post(ADD, {"list": world.mailing_list.pk}).content.decode()
    assert "This field is required" in upload(admin_client, world, list="").content.decode()


def test_a_body_that_is_too_long_is_not_even_read(admin_client: Client, world: World) -> None:
    answer = admin_client.post(ADD, {}, CONTENT_LENGTH="900000000")
    assert answer.status_code == 413
    assert "over 600 MB; split it" in answer.content.decode()


def test_an_upload_needs_its_token(admin_client: Client, world: World) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = admin_client.cookies
    assert upload(strict, world).status_code == 403


def test_columns_that_make_no_sense_are_said(admin_client: Client, world: World) -> None:
    upload(admin_client, world)
    url = f"/admin/mailer/import/{Import.objects.get().pk}/layout/"
    answer = admin_client.post(url, {**LAYOUT, "column0": ""})
    assert "Say which column holds the address." in answer.content.decode()
    answer = admin_client.post(url, {**LAYOUT, "column2": "name"})
    assert "Two columns mean the same: Name." in answer.content.decode()
    assert Import.objects.get().state == "uploaded"


def test_the_file_is_looked_at_again_in_another_form(admin_client: Client, world: World) -> None:
    upload(admin_client, world, file=SimpleUploadedFile("people.csv", b"ada@example.org,Ada\nbob@example.org,Bob\n"))
    imported = Import.objects.get()
    assert (imported.has_heading, imported.meanings) == (False, ["email", ""])
    admin_client.post(
        f"/admin/mailer/import/{imported.pk}/layout/",
        {"again": "1", "encoding": "cp1252", "delimiter": ",", "first_line": "yes"},
    )
    imported.refresh_from_db()
    assert (imported.encoding, imported.has_heading) == ("cp1252", True)


def test_nobody_is_subscribed_again_without_a_reason(admin_client: Client, world: World) -> None:
    Subscription.objects.filter(recipient=world.people[0]).update(status="unsubscribed")
    upload(admin_client, world)
    imported = step(admin_client, "layout", **LAYOUT)
    url = f"/admin/mailer/import/{imported.pk}/start/"
    assert "Say why those who have unsubscribed" in admin_client.post(url, {"resubscribe": "on"}).content.decode()
    step(admin_client, "start", resubscribe="on", reason="by letter")
    assert Subscription.objects.get(recipient=world.people[0]).status == "active"
    assert LogEntry.objects.filter(change_message__contains="subscribed again: by letter").exists()


def test_the_page_says_how_far_it_is_and_wakes_a_worker_that_was_lost(admin_client: Client, world: World) -> None:
    upload(admin_client, world)
    Import.objects.update(state="running", size=1000, done_bytes=400, leased_until=timezone.now(), woken_at=None)
    imported = Import.objects.get()
    assert admin_client.get(f"/admin/mailer/import/{imported.pk}/progress/").json() == {
        "working": True,
        "percent": 40,
        "words": "Reading the file: 0.4 KB of 1.0 KB.",
    }
    imported.refresh_from_db()
    assert imported.woken_at is not None
    assert '<meta http-equiv="refresh" content="3">' in page(admin_client)


def test_a_file_that_is_not_wanted_is_deleted(admin_client: Client, world: World) -> None:
    upload(admin_client, world)
    imported = step(admin_client, "cancel")
    assert imported.state == "cancelled"
    assert not imported.path.exists()


@pytest.mark.parametrize("name", ["layout", "start", "undo", "cancel"])
def test_a_link_changes_nothing_and_neither_does_who_may_not(
    name: str, admin_client: Client, powerless: Client, world: World
) -> None:
    upload(admin_client, world)
    url = f"/admin/mailer/import/{Import.objects.get().pk}/{name}/"
    assert admin_client.get(url).status_code == 405
    assert powerless.post(url).status_code == 403
    assert powerless.get(ADD).status_code == 403
    assert Import.objects.get().state == "uploaded"


def test_who_may_import_without_seeing_addresses_downloads_none(
    admin_client: Client, powerless: Client, world: World
) -> None:
    upload(admin_client, world)
    imported = step(admin_client, "layout", **LAYOUT)
    user = User.objects.get(username="powerless")
    user.user_permissions.set(Permission.objects.filter(codename__in=["add_recipient", "add_subscription"]))
    shown = page(powerless)
    assert "ada@example.org" not in shown
    assert powerless.get(f"/admin/mailer/import/{imported.pk}/bad-lines/").status_code == 403


def exported(client: Client, url: str) -> list[dict[str, str]]:
    answer = client.get(url)
    assert answer.status_code == 200
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    return list(csv.DictReader(StringIO(text, newline="")))


@pytest.mark.parametrize("model", ["recipient", "subscription", "suppression", "delivery"])
def test_a_list_is_exported_for_who_may_see_addresses(
    model: str, admin_client: Client, powerless: Client, world: World
) -> None:
    Suppression.objects.create(email="gone@example.org", note="=1+1")
    assert exported(admin_client, f"/admin/mailer/{model}/export/")
    filtered = "state=sent" if model == "delivery" else "q=x"
    shown = admin_client.get(f"/admin/mailer/{model}/?{filtered}").content.decode()
    assert f"/admin/mailer/{model}/export/?{filtered}" in shown
    user = User.objects.get(username="powerless")
    user.user_permissions.add(Permission.objects.get(codename=f"view_{model}"))
    assert powerless.get(f"/admin/mailer/{model}/export/").status_code == 403
    assert "export/" not in powerless.get(f"/admin/mailer/{model}/").content.decode()
    assert LogEntry.objects.filter(change_message="Exported as CSV.").count() == 1


def test_an_export_has_what_the_filtered_list_has(admin_client: Client, world: World) -> None:
    rows = exported(admin_client, "/admin/mailer/delivery/export/?status__exact=failed")
    assert [(row["recipient"], row["status"], row["smtp_code"]) for row in rows] == [
        ("person0@example.com", "failed", "550")
    ]
    Recipient.objects.filter(pk=world.people[0].pk).delete()
    assert len(exported(admin_client, f"/admin/mailer/delivery/export/?mailing__id__exact={world.mailing.pk}")) == 5
    rows = exported(admin_client, f"/admin/mailer/subscription/export/?list__id__exact={world.mailing_list.pk}")
    assert len(rows) == Subscription.objects.count()
    assert admin_client.get("/admin/mailer/recipient/export/?nosuch=1").status_code == 400


def test_a_long_list_is_walked_in_steps(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(10, 20):
        add_person(world.mailing_list, number)
    monkeypatch.setattr(exports, "STEP", 4)
    with CaptureQueriesContext(connection) as queries:
        text = "".join(stream_csv(Subscription.objects.all()))
    assert len(list(csv.reader(StringIO(text)))) == 1 + 15
    assert len(queries) == 5
    assert not any("OFFSET" in query["sql"] for query in queries)


TEXT = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\x00"), max_size=20).map(str.strip)
CELL = TEXT | st.sampled_from(["=1+1", "'=1", "+49 30", "-", "@x", "a;b", 'quo"te', "two\nlines"])
NOTES = st.dictionaries(st.sampled_from(["plan", "Stadt", "email", "n"]), CELL | st.integers() | st.none(), max_size=3)
STATUS = st.sampled_from(list(Subscription.Status))


@hypothesis_settings(hypothesis_settings.get_profile("one fixture"), max_examples=40)
@given(people=st.lists(st.tuples(CELL, CELL, NOTES, STATUS, CELL), min_size=1, max_size=4))
@example(people=[("", "", {"plan": "one\x85two\u2028three\x0bfour"}, Subscription.Status.PENDING, "")])
def test_what_was_exported_is_imported_again_without_loss(db: None, people: list[tuple[Any, ...]]) -> None:
    Recipient.objects.all().delete()
    RecipientList.objects.all().delete()
    origin = RecipientList.objects.create(slug="origin", name="Origin")
    for number, (name, language, notes, status, source) in enumerate(people):
        person = Recipient.objects.create(
            email=f"p{number}@example.org", name=name, language=language[:20].strip(), attributes=notes
        )
        left = timezone.now() if status == "unsubscribed" else None
        Subscription.objects.create(
            list=origin, recipient=person, status=status, cadence="weekly", source=source, unsubscribed_at=left
        )
    fields = [f"recipient__{name}" for name in ("email", "name", "language", "time_zone", "attributes")]
    fields += ["status", "cadence", "source", "subscribed_at", "unsubscribed_at", "confirmed_at", "paused_until"]
    before = list(Subscription.objects.order_by("recipient__email").values(*fields))
    text = "".join(stream_csv(Subscription.objects.all()))
    Recipient.objects.all().delete()
    target = RecipientList.objects.create(slug="target", name="Target")
    imported = keep_file(target, "again.csv", [text.encode()])
    finish(imported, Import.State.RUNNING)
    assert imported.counts["invalid"] == 0
    after = list(Subscription.objects.order_by("recipient__email").values(*fields))
    for row in before + after:
        row["source"] = "" if row["source"].startswith("import ") else row["source"]
        row["recipient__attributes"] = json.dumps(row["recipient__attributes"], sort_keys=True)
    assert after == before
    again = keep_file(target, "again.csv", [text.encode()])
    finish(again, Import.State.CHECKING)
    assert (again.counts["unchanged"], again.counts["joining"]) == (len(people), 0)
