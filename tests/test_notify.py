"""Single mails: a row first, once for a key, now or later, whatever the broker does."""

import socket
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from celery.signals import before_task_publish
from django.db import transaction
from django.utils import timezone
from kombu import pools
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from config.celery import app
from mailer.models import Delivery, EmailTemplate, InvalidAddress, Mailing, Recipient, TemplateVersion
from mailer.notify import notify_user
from mailer.scheduling.notifications import File
from mailer.sending.batch import send_range
from mailer.sending.claim import Range
from mailer.sending.wakeups import waiting_mailings
from mailer.tasks import notify_user as notify_task
from mailer.templating.sandbox import TemplateError
from tests.fake_relay import FakeRelay

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def reset_link(db: None) -> EmailTemplate:
    made = EmailTemplate.objects.create(slug="reset", name="Reset")
    TemplateVersion.objects.create(
        template=made, number=1, subject="Hello {{ recipient.first_name|default:'you' }}",
        html="<p>{{ link }}</p>", text="{{ link }}{% if note %} {{ note }}{% endif %}",
    )  # fmt: skip
    return made


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, object]]:
    """What reaches the broker's wire, taken from Celery's own signal."""
    sent: list[dict[str, object]] = []

    def note(sender: str, body: tuple[object, ...], headers: dict[str, object], **details: object) -> None:
        sent.append({"task": sender, "args": body[0], "headers": headers, "queue": details.get("routing_key")})

    before_task_publish.connect(note, weak=False)
    yield sent  # type: ignore[misc]
    before_task_publish.disconnect(note)


def use_broker(before: str, url: str) -> None:
    assert before != url
    app.conf.broker_url = url
    pools.reset()
    app._pool = app.amqp._producer_pool = None


def send_due(mailing: Mailing, later: timedelta = timedelta()) -> None:
    send_range(Range(mailing.pk, 0, 2**62), UUID(int=1), lambda: timezone.now() + later)


def test_it_is_a_row_before_it_is_a_message(
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks, published: list[dict[str, object]]
):
    with django_capture_on_commit_callbacks(execute=True):
        with transaction.atomic():
            result = notify_user("Zoe@Example.org", "reset", {"link": "https://x.example/"})
            assert Delivery.objects.get().recipient.email == "zoe@example.org"
            assert published == []
    (message,) = published
    assert message["task"] == "mailer.tasks.deliver"
    assert message["headers"]["id"] == result.id
    assert message["queue"] == "transactional"
    assert "zoe" not in str(message)
    assert "x.example" not in str(message)


def test_a_countdown_waits_on_the_row(relay: FakeRelay):
    notify_user("zoe@example.org", "reset", {"link": "x"}, countdown=600)
    mailing = Mailing.objects.get()
    send_due(mailing)
    assert relay.received == []
    assert waiting_mailings(timezone.now()) == []
    assert waiting_mailings(timezone.now() + timedelta(minutes=11)) == [mailing.pk]
    send_due(mailing, timedelta(minutes=11))
    assert relay.recipients() == ["zoe@example.org"]


def test_any_django_code_can_call_the_task_and_the_broker_sees_ids_only(
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks, published: list[dict[str, object]]
):
    recipient = Recipient.objects.create(email="zoe@example.org")
    with django_capture_on_commit_callbacks(execute=True):
        notify_task.apply_async(args=[recipient.pk, "reset", {"link": "secret"}], countdown=600)
    delivery = Delivery.objects.get()
    assert delivery.next_attempt_at is not None
    assert 590 < (delivery.next_attempt_at - timezone.now()).total_seconds() <= 600
    assert "secret" not in str(published)
    assert published[0]["headers"]["eta"]


def test_a_long_countdown_stays_out_of_the_broker(
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks, published: list[dict[str, object]]
):
    with django_capture_on_commit_callbacks(execute=True):
        notify_user("zoe@example.org", "reset", {"link": "x"}, countdown=3 * 3600)
    assert published == []
    assert waiting_mailings(timezone.now() + timedelta(hours=3, seconds=1)) == [Mailing.objects.get().pk]


def test_the_same_key_twice_sends_once(relay: FakeRelay):
    for _ in range(3):
        notify_user("zoe@example.org", "reset", {"link": "x"}, key="reset 17")
    send_due(Mailing.objects.get())
    assert relay.recipients() == ["zoe@example.org"]


@pytest.mark.long
@pytest.mark.once
def test_a_broker_that_is_down_is_no_error_for_the_caller(
    settings: Settings, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks, relay: FakeRelay
):
    use_broker(app.conf.broker_url, dead := "redis://127.0.0.1:1/0")
    try:
        with django_capture_on_commit_callbacks(execute=True):
            notify_user("zoe@example.org", "reset", {"link": "x"})
    finally:
        use_broker(dead, settings.CELERY_BROKER_URL)
    mailing = Mailing.objects.get()
    assert waiting_mailings(timezone.now() + timedelta(minutes=1)) == [mailing.pk]
    send_due(mailing)
    assert relay.recipients() == ["zoe@example.org"]


@pytest.mark.long
@pytest.mark.once
def test_a_mute_broker_does_not_hang_the_caller(
    settings: Settings, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
):
    with socket.create_server(("127.0.0.1", 0)) as mute:
        use_broker(app.conf.broker_url, deaf := f"redis://127.0.0.1:{mute.getsockname()[1]}/0")
        try:
            with django_capture_on_commit_callbacks(execute=True):
                notify_user("zoe@example.org", "reset", {"link": "x"})
        finally:
            use_broker(deaf, settings.CELERY_BROKER_URL)
    assert waiting_mailings(timezone.now() + timedelta(minutes=1)) == [Mailing.objects.get().pk]


@pytest.mark.parametrize(
    ("who", "template", "context", "error", "sentence"),
    [
        ("zoe@example.org", "nosuch", {}, TemplateError, "There is no template 'nosuch'"),
        ("zoe@example.org", "reset", {}, TemplateError, "link is not known"),
        ("not an address", "reset", {"link": "x"}, InvalidAddress, "is not a mail address"),
        (17, "reset", {"link": "x"}, Recipient.DoesNotExist, "does not exist"),
    ],
)
def test_what_cannot_be_sent_is_said_to_the_caller_and_leaves_nothing(
    who: str | int, template: str, context: dict[str, object], error: type[Exception], sentence: str
):
    with pytest.raises(error, match=sentence):
        notify_user(who, template, context)
    assert not Mailing.objects.exists()
    assert not Delivery.objects.exists()


def test_a_person_asked_for_it_and_gets_no_list_headers(relay: FakeRelay):
    notify_user("zoe@example.org", "reset", {"link": "https://x.example/secret"})
    send_due(Mailing.objects.get())
    message = relay.received[0].message
    assert b"https://x.example/secret" in message
    assert b"List-Unsubscribe" not in message


def test_one_that_was_claimed_while_the_mail_server_was_away_goes_out_later(relay: FakeRelay):
    notify_user("zoe@example.org", "reset", {"link": "x"})
    mailing = Mailing.objects.get()
    relay.answer("GREETING", "554 away", times=1)
    send_due(mailing)
    assert relay.received == []
    assert waiting_mailings(timezone.now() + timedelta(minutes=3)) == [mailing.pk]
    send_due(mailing, timedelta(minutes=3))
    assert relay.recipients() == ["zoe@example.org"]


def test_what_cannot_be_meant_is_refused_and_an_empty_key_is_none():
    with pytest.raises(ValueError, match="no time zone"):
        notify_user("zoe@example.org", "reset", {"link": "x"}, eta=datetime(2026, 12, 1, 15))
    with pytest.raises(ValueError, match="longer than 200"):
        notify_user("zoe@example.org", "reset", {"link": "x"}, key="k" * 201)
    assert not Mailing.objects.exists()
    for _ in range(2):
        notify_user("zoe@example.org", "reset", {"link": "x"}, key="")
    assert Mailing.objects.count() == 2


def test_a_draft_of_the_template_is_not_sent(reset_link: EmailTemplate):
    sent = reset_link.versions.get()
    EmailTemplate.objects.update(in_use=sent)
    TemplateVersion.objects.create(
        template=reset_link, number=2, subject="Draft", html="<p>draft</p>", text="draft", sample={}
    )
    notify_user("ada@example.org", "reset", {"link": "https://example.org/r", "note": ""})
    assert Mailing.objects.get().version == sent


def test_files_go_with_a_mail_of_our_own(relay: FakeRelay):
    notify_user("ada@example.org", "reset", {"link": "x"}, files=[File("a.txt", "text/plain", b"Hello")])
    mailing = Mailing.objects.get()
    send_range(Range(mailing.pk, 0, 2**62), UUID(int=7), timezone.now)
    assert b'filename="a.txt"' in relay.received[0].message
    with pytest.raises(ValueError, match="at most 10 MB"):
        notify_user("ada@example.org", "reset", {"link": "x"}, files=[File("a", "text/plain", b"0" * 10_000_001)])
