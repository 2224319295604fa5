"""Mails over TLS, from the beginning or by STARTTLS, and no mail where the certificate is not to be trusted."""

import ssl
from pathlib import Path
from uuid import uuid4

import pytest
import trustme
from django.utils import timezone
from pytest_django import Settings

from mailer.models import Delivery, Digest, Mailing, RelayPause
from mailer.scheduling.planning import plan_now
from mailer.sending.batch import send_range
from mailer.sending.claim import Range
from tests.build import make_item, subscribe
from tests.fake_relay import FakeRelay

pytestmark = pytest.mark.django_db


@pytest.fixture
def authority(relay: FakeRelay) -> trustme.CA:
    """A certificate authority, and the relay's certificate from it."""
    made = trustme.CA()
    relay.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.issue_cert("localhost").configure_cert(relay.tls)
    return made


@pytest.fixture
def trusted(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine trusts that authority."""
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))


@pytest.fixture
def mailing(digest: Digest) -> Mailing:
    for number in range(3, 30):
        subscribe(digest.list, f"person{number}@example.org")
    make_item(digest.list, "Long news. " * 20, summary="It goes on and on. " * 200)
    return plan_now(digest, timezone.now())


def use(relay: FakeRelay, settings: Settings, tls: str) -> None:
    relay.tls_at_once = tls == "implicit"
    relay.extensions = ("PIPELINING", "8BITMIME") + (("STARTTLS",) if tls == "starttls" else ())
    settings.RELAY = relay.address(host="localhost", tls=tls)


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_mails_go_out_over_tls(mailing: Mailing, relay: FakeRelay, trusted: None, settings: Settings, tls: str):
    use(relay, settings, tls)
    send_range(Range(mailing.pk, 0, 2**62), uuid4(), timezone.now)
    mailing.refresh_from_db()
    assert (mailing.status, mailing.sent) == ("done", 30)
    assert len(set(relay.recipients())) == len(relay.received) == 30


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_a_certificate_that_nobody_vouches_for_stops_the_relay_and_burns_nobodys_attempt(
    mailing: Mailing, relay: FakeRelay, authority: trustme.CA, settings: Settings, tls: str
):
    use(relay, settings, tls)
    send_range(Range(mailing.pk, 0, 2**62), uuid4(), timezone.now)
    assert relay.received == []
    assert "certificate" in RelayPause.objects.get().reason
    assert set(Delivery.objects.values_list("status", "attempts")) == {("queued", 0)}


def test_a_server_without_starttls_gets_no_mail_in_the_clear(mailing: Mailing, relay: FakeRelay, settings: Settings):
    settings.RELAY = relay.address(host="localhost", tls="starttls")
    send_range(Range(mailing.pk, 0, 2**62), uuid4(), timezone.now)
    assert relay.received == []
    assert "STARTTLS" in RelayPause.objects.get().reason
