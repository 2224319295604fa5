"""202 says that a mail is written down, once for each key; and what became of it can be asked."""

import re
from base64 import b64encode
from datetime import timedelta
from email import message_from_bytes, policy
from uuid import uuid4

import pytest
from django.utils import timezone
from pytest_django import Settings

from mailer.models import Delivery, EmailTemplate, Mailing, TemplateVersion
from mailer.scheduling.notifications import File
from mailer.sending.batch import send_range
from mailer.sending.claim import Range
from mailer.sending.retention import purge_messages
from tests.api.conftest import Call, make_key
from tests.fake_relay import FakeRelay

pytestmark = pytest.mark.django_db
LETTERS = (*range(0x300), *range(0x2000, 0x2100), 0xFEFF, 0x1F680, 0xE8A04, 0x10FFFF)
MAIL = {"template": "reset", "to": "ada@example.org", "context": {"link": "https://example.org/r"}}


@pytest.fixture(autouse=True)
def reset(db: None) -> None:
    made = EmailTemplate.objects.create(slug="reset", name="Reset")
    TemplateVersion.objects.create(
        template=made, number=1, subject="Reset", html="<p>{{ link }}</p>", text="{{ link }}", sample={"link": ""}
    )


def can_be_named(name: str) -> bool:
    try:
        File(name, "text/plain", b"")
    except ValueError:
        return False
    return True


def test_a_mail_is_taken_sent_and_followed(call: Call, relay: FakeRelay):
    answer = call("POST", "notifications", MAIL)
    assert (answer.status_code, answer.json()["status"]) == (202, "queued")
    send_range(Range(answer.json()["id"], 0, 2**62), uuid4(), timezone.now)
    followed = call("GET", f"notifications/{answer.json()['id']}").json()
    assert (followed["status"], followed["smtp_code"], followed["attempts"]) == ("sent", 250, 1)
    assert [mail.recipient for mail in relay.received] == ["ada@example.org"]


def test_the_same_key_is_one_mail_and_another_mail_is_refused(call: Call):
    first = call("POST", "notifications", MAIL, Idempotency_Key="order-7")
    again = call("POST", "notifications", MAIL, Idempotency_Key="order-7")
    assert first.json() == again.json()
    other = call("POST", "notifications", MAIL | {"to": "bea@example.org"}, Idempotency_Key="order-7")
    assert other.status_code == 409
    assert Delivery.objects.count() == 1
    theirs = call("POST", "notifications", MAIL, Idempotency_Key="order-7", key=make_key())
    assert theirs.json()["id"] != first.json()["id"]


def test_a_mail_waits_for_its_time(call: Call):
    later = timezone.now().replace(microsecond=0) + timedelta(hours=3)
    answer = call("POST", "notifications", MAIL | {"send_at": later.isoformat()})
    assert Delivery.objects.get().next_attempt_at == later
    assert answer.json()["send_at"] == later.isoformat().replace("+00:00", "Z")
    call("POST", "notifications", MAIL | {"send_at": "2020-01-01T00:00:00Z"})
    assert Mailing.objects.latest("pk").scheduled_for > timezone.now() - timedelta(minutes=1)


@pytest.mark.parametrize(
    ("change", "status", "field", "words"),
    [
        ({"template": "nothing"}, 404, "template", "There is no 'nothing'"),
        ({"context": {}}, 409, "context", "link"),
        ({"to": "nobody"}, 422, "to", "not a mail address"),
        ({"send_at": "tomorrow"}, 422, "send_at", "valid datetime"),
        ({"context": {"link": "a\x00"}}, 422, "context.link", "control character"),
    ],
)
def test_what_can_not_be_sent_is_said_and_nothing_is_written(
    call: Call, change: dict[str, object], status: int, field: str, words: str
):
    answer = call("POST", "notifications", MAIL | change)
    assert answer.status_code == status
    fault = answer.json()["errors"][0]
    assert fault["field"].startswith(field)
    assert words in fault["detail"]
    assert not Mailing.objects.exists()


def test_an_unknown_mail_is_404(call: Call):
    assert call("GET", "notifications/1").status_code == 404
    assert call("GET", "notifications/99999999999999999999").status_code == 422


BILL = {
    "name": "Rechnung für März.pdf",
    "content_type": "Application/PDF",
    "content": b64encode(b"%PDF\r\n.\r\n\xff").decode(),
}


def test_files_arrive_with_the_mail_as_they_were(call: Call, relay: FakeRelay):
    note = {"name": "note.txt", "content": b64encode(b"Hello").decode()}
    answer = call("POST", "notifications", MAIL | {"attachments": [BILL, note]})
    assert answer.json()["attachments"] == ["Rechnung für März.pdf", "note.txt"]
    send_range(Range(answer.json()["id"], 0, 2**62), uuid4(), timezone.now)
    mail = message_from_bytes(relay.received[0].message, policy=policy.SMTP)
    files = [(part.get_filename(), part.get_content_type(), part.get_content()) for part in mail.iter_attachments()]
    assert files == [
        ("Rechnung für März.pdf", "application/pdf", b"%PDF\r\n.\r\n\xff"),
        ("note.txt", "application/octet-stream", b"Hello"),
    ]
    assert "<p>https://example.org/r</p>" in mail.get_body(("html",)).get_content()
    assert [part.defects for part in mail.walk() if part.defects] == []
    assert mail.get_all("Content-Type") == [mail["Content-Type"]]


@pytest.mark.parametrize("name", ["می\u200cخواهم.pdf", "👩\u200d🚀.pdf", "\U000e8a04.pdf", "a\xa0b.pdf"])
def test_a_files_name_arrives_as_it_is_whatever_joins_its_letters(call: Call, relay: FakeRelay, name: str):
    answer = call("POST", "notifications", MAIL | {"attachments": [BILL | {"name": name}]})
    assert answer.json()["attachments"] == [name]
    send_range(Range(answer.json()["id"], 0, 2**62), uuid4(), timezone.now)
    mail = message_from_bytes(relay.received[0].message, policy=policy.SMTP)
    assert [part.get_filename() for part in mail.iter_attachments()] == [name]


def test_the_documents_promise_the_names_that_are_taken_and_no_others(call: Call):
    schemas = call("GET", "openapi.json").json()["components"]["schemas"]
    promised = re.compile(schemas["FileIn"]["properties"]["name"]["pattern"])
    told = {letter for letter in map(chr, LETTERS) if promised.search(f"a{letter}b")}
    assert told == {letter for letter in map(chr, LETTERS) if can_be_named(f"a{letter}b")}
    assert {"ñ", "\u200d", "\U000e8a04"} < told


def test_the_same_key_with_other_files_is_another_mail(call: Call):
    first = call("POST", "notifications", MAIL | {"attachments": [BILL]}, Idempotency_Key="order-8")
    again = call("POST", "notifications", MAIL | {"attachments": [BILL]}, Idempotency_Key="order-8")
    assert first.json() == again.json()
    assert call("POST", "notifications", MAIL, Idempotency_Key="order-8").status_code == 409


@pytest.mark.parametrize(
    ("files", "field", "words"),
    [
        ([BILL | {"content": "no base64!"}], "attachments.0", "base64"),
        ([BILL | {"name": "../../etc/passwd"}], "attachments.0", "no file's name"),
        ([BILL | {"name": "a\nb"}], "attachments.0.name", "control character"),
        ([BILL | {"name": "a\x94b"}], "attachments.0", "no file's name"),
        ([BILL | {"name": "bill\u202efdp.exe"}], "attachments.0", "no file's name"),
        ([BILL | {"content_type": "multipart/mixed"}], "attachments.0", "no type of a file"),
        ([BILL | {"content_type": "text/html\r\nBcc: x"}], "attachments.0.content_type", "control character"),
        ([BILL] * 21, "attachments", "at most 20"),
        ([BILL | {"content": b64encode(b"0" * 1_200_000).decode()}], "attachments", "at most 1 MB"),
    ],
)
def test_files_that_no_mail_can_have_are_refused_by_name(
    call: Call, settings: Settings, files: list[dict[str, str]], field: str, words: str
):
    settings.MESSAGE_MEGABYTES = 1
    answer = call("POST", "notifications", MAIL | {"attachments": files})
    assert answer.status_code == 422
    assert [(fault["field"], words in fault["detail"]) for fault in answer.json()["errors"]] == [(field, True)]
    assert Mailing.objects.count() == 0


def test_a_request_that_is_too_large_is_told_so(call: Call, settings: Settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000_000
    answer = call("POST", "notifications", MAIL | {"context": {"link": "x" * 1_100_000}})
    assert (answer.status_code, answer.headers["Content-Type"]) == (413, "application/problem+json")


def test_when_the_files_are_not_kept_any_more_the_mail_does_not_go_without_them(call: Call, relay: FakeRelay):
    answer = call("POST", "notifications", MAIL | {"attachments": [BILL]})
    Mailing.objects.update(status="done")
    assert purge_messages(timezone.now() + timedelta(days=8))["attachments"] == 1
    Mailing.objects.update(status="sending")
    send_range(Range(answer.json()["id"], 0, 2**62), uuid4(), timezone.now)
    assert relay.received == []
    assert Delivery.objects.get().status == "failed"
