"""202 says that a mail is written down, once for each key; and what became of it can be asked."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from mailer.models import Delivery, EmailTemplate, Mailing, TemplateVersion
from mailer.sending.batch import send_range
from mailer.sending.claim import Range
from tests.api.conftest import Call, make_key
from tests.fake_relay import FakeRelay

pytestmark = pytest.mark.django_db
MAIL = {"template": "reset", "to": "ada@example.org", "context": {"link": "https://example.org/r"}}


@pytest.fixture(autouse=True)
def reset(db: None) -> None:
    made = EmailTemplate.objects.create(slug="reset", name="Reset")
    TemplateVersion.objects.create(
        template=made, number=1, subject="Reset", html="<p>{{ link }}</p>", text="{{ link }}", sample={"link": ""}
    )


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
