"""With MAILER_ONLY_TO mail goes to those that it names, on every way, and the log says why the others got none."""

import ast
from pathlib import Path
from uuid import uuid4

import pytest
from django.core import mail
from django.core.checks import run_checks
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from config.environment import parse_only_to
from mailer.audience.staging_guard import guard_in_words, lets_out
from mailer.checks import stop_at_errors
from mailer.insight.alerts import tell_admins
from mailer.insight.why_not import why_not
from mailer.models import Alert, Delivery, Digest, EmailTemplate, Mailing
from mailer.notify import notify_user
from mailer.scheduling.planning import plan_now
from mailer.sending.batch import send_range
from mailer.sending.claim import Range
from tests.build import make_item, subscribe
from tests.fake_relay import FakeRelay

ROOT = Path(__file__).resolve().parents[2]


def send(mailing: Mailing) -> None:
    send_range(Range(mailing.pk, 0, 2**62), uuid4(), timezone.now)
    mailing.refresh_from_db()


@pytest.mark.parametrize(
    ("only_to", "address", "goes"),
    [
        (None, "anybody@example.org", True),
        ("", "me@example.org", False),
        (" , ", "me@example.org", False),
        ("example.org", "me@example.org", True),
        ("Example.ORG", "Me@example.org", True),
        ("example.org", "me@mail.example.org", False),
        ("example.org", "me@badexample.org", False),
        ("example.org", "example.org@example.com", False),
        ("me@example.org", "me@example.org", True),
        ("me@example.org", "you@example.org", False),
        ("müller.example", "zoe@xn--mller-kva.example", True),
        ("exa mple.org,@example.org,*.org", "me@example.org", False),
        ("example.org", "not an address", False),
    ],
)
def test_only_what_is_named_is_let_out(settings: Settings, only_to: str | None, address: str, goes: bool):
    settings.MAILER_ONLY_TO = parse_only_to(only_to)
    assert lets_out(address) == goes


@pytest.mark.django_db
def test_a_digest_goes_to_those_who_are_named_and_the_others_are_skipped_with_the_reason(
    digest: Digest, relay: FakeRelay, settings: Settings
):
    settings.MAILER_ONLY_TO = ("example.com", "person1@example.org")
    subscribe(digest.list, "zoe@example.com")
    make_item(digest.list, "The harbour is open")
    mailing = plan_now(digest, timezone.now())
    send(mailing)
    assert sorted(relay.recipients()) == ["person1@example.org", "zoe@example.com"]
    assert (mailing.planned, mailing.sent, mailing.skipped, mailing.status) == (4, 2, 2, "done")
    skipped = Delivery.objects.filter(status="skipped")
    assert {row.reason for row in skipped} == {"guarded"}
    answer = why_not("person0@example.org", digest, None, timezone.now())
    assert "the staging guard (MAILER_ONLY_TO) lets no mail to this address out" in answer.sentence


@pytest.mark.django_db
@pytest.mark.parametrize("only_to", [(), ("example.com",)])
def test_a_single_mail_is_held_back_too(
    template: EmailTemplate, relay: FakeRelay, settings: Settings, only_to: tuple[str, ...]
):
    settings.MAILER_ONLY_TO = only_to
    delivery = notify_user("zoe@example.org", "digest", {"count": 1, "list": {"name": "x"}, "date": "x", "items": []})
    send(Mailing.objects.get(kind="notification"))
    delivery = Delivery.objects.get()
    assert (delivery.status, delivery.reason, relay.received) == ("skipped", "guarded", [])


@pytest.mark.django_db
def test_a_test_mail_is_held_back_too(digest: Digest, relay: FakeRelay, settings: Settings):
    settings.MAILER_ONLY_TO = ()
    make_item(digest.list, "The harbour is open")
    mailing = plan_now(digest, timezone.now())
    Mailing.objects.update(kind="test")
    send(mailing)
    assert (relay.received, mailing.skipped) == ([], 3)


@pytest.mark.django_db
def test_the_admins_are_told_only_where_the_guard_lets_out(settings: Settings):
    settings.ADMINS = [("Ops", "ops@example.org"), ("Me", "me@example.com")]
    settings.MAILER_ONLY_TO = ("example.com",)
    now = timezone.now()
    Alert.objects.create(key="beat", title="Beat is silent", text="x", since=now, seen_at=now)
    tell_admins(now)
    assert [message.to for message in mail.outbox] == [["me@example.com"]]
    settings.MAILER_ONLY_TO = ()
    Alert.objects.create(key="broker", title="No broker", text="x", since=now, seen_at=now)
    tell_admins(now)
    assert len(mail.outbox) == 1


def test_nothing_but_the_alerts_sends_with_djangos_own_mail():
    """It would go round the guard."""
    users = set()
    for path in (ROOT / "mailer").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("django.core.mail"):
                users |= {(path.name, name.name) for name in node.names if name.name != "BaseEmailBackend"}
    assert users == {("alerts.py", "send_mail"), ("backend.py", "EmailMessage")}


def test_a_wrong_entry_stops_the_start(settings: Settings):
    settings.MAILER_ONLY_TO = ("example.com", "@example.org")
    assert [error.id for error in run_checks(tags=["mailer"])] == ["mailer.E001"]
    with pytest.raises(SystemExit, match="which is no domain and no address"):
        stop_at_errors()
    settings.MAILER_ONLY_TO = ("example.com", "me@example.org")
    stop_at_errors()


@pytest.mark.django_db
def test_each_page_of_the_admin_says_it(admin_client: Client, settings: Settings):
    pages = ["/admin/", "/admin/mailer/recipient/", "/admin/mailer/recipientlist/add/", "/admin/password_change/"]
    for page in pages:
        assert b"Staging guard" not in admin_client.get(page).content
    settings.MAILER_ONLY_TO = ("example.com", "me@example.org")
    for page in pages:
        assert "Mail goes out to example.com, me@example.org only" in admin_client.get(page).content.decode()
    settings.MAILER_ONLY_TO = ()
    assert "No mail goes out at all" in guard_in_words()
    assert "No mail goes out at all" in admin_client.get("/admin/").content.decode()


@pytest.mark.django_db
def test_who_sees_no_addresses_sees_none_in_the_banner(client: Client, django_user_model, settings: Settings):
    settings.MAILER_ONLY_TO = ("me@example.org",)
    client.force_login(django_user_model.objects.create_user("viewer", is_staff=True))
    page = client.get("/admin/").content.decode()
    assert "m…@example.org" in page
    assert "me@example.org" not in page
