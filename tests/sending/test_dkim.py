"""DKIM: dkimpy, which shares no line with what signs here, verifies it; and so does a second reading of the RFC below."""

import base64
import hashlib
import re
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from django.core.checks import run_checks
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from pytest_django.fixtures import Settings

from config.environment import parse_dkim_keys
from mailer.models import Digest, Mailing, RelayPause
from mailer.scheduling.planning import plan_now
from mailer.sending.batch import send_range
from mailer.sending.claim import Range
from mailer.sending.commands import data_block
from mailer.sending.dkim import SigningKey, load_key, sign
from mailer.sending.message_id import message_id
from mailer.sending.signatures import KeyUnusable, NoKeyForSender, load_keys, signer_of
from tests.build import make_item
from tests.fake_relay import FakeRelay
from tests.keys import key_file, verdicts

NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)
HEAD = (
    b"From: News <post@example.org>\r\nTo: Zoe <zoe@example.com>\r\nSubject: One\r\n  two\r\n"
    b"Date: Mon, 23 Nov 2026 15:00:00 +0000\r\nMessage-ID: <x@example.org>\r\nList-Id: <news.example.org>\r\n"
    b"List-Unsubscribe: <https://post.example.org/u/x>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
)
MESSAGE = HEAD + b"\r\nHello \t you \r\n.\r\n..two\r\n\r\n\r\n"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[SigningKey, ...]:
    """One of each kind."""
    folder = tmp_path_factory.mktemp("keys")
    return tuple(load_key(f"{kind}._domainkey.example.org", key_file(folder, kind)) for kind in ("rsa", "ed25519"))


def received(data: bytes) -> bytes:
    """What a mail server makes of what came after DATA (RFC 5321 section 4.5.2)."""
    lines = data.removesuffix(b".\r\n").split(b"\r\n")
    return b"\r\n".join(line[1:] if line.startswith(b".") else line for line in lines)


def holds(message: bytes, key: SigningKey) -> bool:
    """A second reading of RFC 6376 section 3.7, for the first signature, of an RSA key."""
    head, _, body = message.partition(b"\r\n\r\n")
    fields = [(name.lower(), value) for name, value in re.findall(rb"([!-9;-~]+):((?:[^\r\n]|\r\n[ \t])*)", head)]
    values = {name: re.sub(rb"\s+", b" ", value).strip() for name, value in reversed(fields)}
    own = next(value for name, value in fields if name == b"dkim-signature")
    tags = dict(re.findall(rb"([a-z]+)=([^;]*)", re.sub(rb"\s", b"", own)))
    lines = [re.sub(rb"[ \t]+", b" ", line).rstrip(b" ") for line in body.split(b"\r\n")]
    while lines and not lines[-1]:
        lines.pop()
    text = b"".join(line + b"\r\n" for line in lines)
    if base64.b64decode(tags[b"bh"]) != hashlib.sha256(text).digest():
        return False
    unread, signed = dict(values), b""
    for name in tags[b"h"].lower().split(b":"):
        if name in unread:
            signed += name + b":" + unread.pop(name) + b"\r\n"
    without = re.sub(rb"\s+", b" ", re.sub(rb"(\bb=)[^;]*$", rb"\1", own)).strip()
    try:
        key.private.public_key().verify(  # type: ignore[call-arg, arg-type]
            base64.b64decode(tags[b"b"]), signed + b"dkim-signature:" + without, PKCS1v15(), hashes.SHA256()
        )
    except InvalidSignature:
        return False
    return True


def test_two_keys_are_two_signatures_that_both_verify(keys: tuple[SigningKey, ...]):
    signed = received(sign(keys, data_block(MESSAGE), NOW))
    assert verdicts(signed, keys) == [True, True]
    assert holds(signed, keys[0])
    assert signed.endswith(MESSAGE)
    assert max(map(len, signed.split(b"\r\n"))) <= 78


@given(
    st.lists(st.text(st.sampled_from("a. \t=ä"), max_size=12), max_size=8).map(lambda lines: "\r\n".join(lines)),
    st.sampled_from(["", "\r\n", "\r\n\r\n \r\n"]),
)
def test_any_body_verifies_as_it_is_received(keys: tuple[SigningKey, ...], text: str, end: str):
    message = HEAD + b"\r\n" + (text + end).encode()
    if not message.endswith(b"\r\n"):
        message += b"\r\n"
    signed = received(sign(keys, data_block(message), NOW))
    assert signed.endswith(message)
    assert verdicts(signed, keys) == [True, True]
    assert holds(signed, keys[0])


@pytest.mark.parametrize(
    "field",
    [
        b"From: Eve <eve@example.net>",
        b"To: all@example.net",
        b"Cc: all@example.net",
        b"Subject: Win",
        b"Reply-To: eve@example.net",
        b"Date: Tue, 24 Nov 2026 15:00:00 +0000",
        b"List-Unsubscribe: <https://example.net>",
        b"List-Unsubscribe-Post: x",
    ],
)
def test_no_field_can_be_added(keys: tuple[SigningKey, ...], field: bytes):
    signed = received(sign(keys[:1], data_block(MESSAGE), NOW))
    assert verdicts(field + b"\r\n" + signed, keys) == [False]


@pytest.mark.parametrize("name", [b"From", b"To", b"Subject", b"Date", b"Message-ID", b"List-Id", b"List-Unsubscribe"])
def test_no_field_can_be_changed(keys: tuple[SigningKey, ...], name: bytes):
    signed = received(sign(keys, data_block(MESSAGE), NOW))
    changed = re.sub(rb"(?m)^(%s: .)" % name, rb"\1X", signed)
    assert changed != signed
    assert verdicts(changed, keys) == [False, False]
    assert not holds(changed, keys[0])


@pytest.fixture
def mailing(digest: Digest) -> Mailing:
    make_item(digest.list, ".The harbour \t is  open.  Überall")
    return plan_now(digest, timezone.now())


def send(mailing: Mailing) -> dict[str, object]:
    return send_range(Range(mailing.pk, 0, 2**62), uuid4(), timezone.now)


@pytest.mark.django_db
@pytest.mark.parametrize("extensions", [("PIPELINING", "8BITMIME"), ()])
def test_what_the_mail_server_gets_verifies(
    mailing: Mailing, relay: FakeRelay, settings: Settings, tmp_path: Path, extensions: tuple[str, ...]
):
    relay.extensions = extensions
    names = {f"{kind}._domainkey.example.org": key_file(tmp_path, kind) for kind in ("rsa", "ed25519")}
    settings.DKIM_KEYS = names
    send(mailing)
    keys = load_keys(tuple(names.items()))
    assert len(relay.received) == 3
    for mail in relay.received:
        assert verdicts(mail.message, keys) == [True, True]
        signed = re.sub(rb"\s", b"", mail.message.partition(b"\r\n h=")[2].partition(b";")[0]).split(b":")
        assert {name for name in set(signed) if signed.count(name) == 2} == {
            b"from", b"to", b"subject", b"date", b"list-unsubscribe", b"list-unsubscribe-post"
        }  # fmt: skip
        assert {b"cc", b"reply-to", b"message-id", b"list-id", b"mime-version", b"content-type"} < set(signed)
    assert message_id(mailing.deliveries.order_by("pk")[0].pk).encode() in relay.received[0].message


@pytest.mark.django_db
def test_without_keys_nothing_is_signed(mailing: Mailing, relay: FakeRelay):
    send(mailing)
    assert len(relay.received) == 3
    assert all(b"DKIM-Signature" not in mail.message for mail in relay.received)


@pytest.mark.django_db
def test_no_mail_goes_out_unsigned_when_its_key_is_gone(
    mailing: Mailing, relay: FakeRelay, settings: Settings, tmp_path: Path
):
    settings.DKIM_KEYS = {"s1._domainkey.example.org": str(tmp_path / "gone.pem")}
    assert "gone.pem" in str(send(mailing)["halted"])
    assert relay.received == []
    assert "gone.pem" in RelayPause.objects.get().reason  # the admins are told, and it is tried again
    assert mailing.deliveries.open().count() == 3


@pytest.mark.django_db
def test_no_mail_goes_out_unsigned_from_a_domain_without_a_key(
    mailing: Mailing, relay: FakeRelay, settings: Settings, tmp_path: Path
):
    settings.DKIM_KEYS = {"s1._domainkey.example.net": key_file(tmp_path, "ed25519")}
    assert "no key of example.org" in str(send(mailing)["halted"])
    assert (relay.received, RelayPause.objects.count()) == ([], 0)


def test_the_nearest_domain_that_has_keys_signs(settings: Settings, tmp_path: Path):
    path = key_file(tmp_path, "ed25519")
    settings.DKIM_KEYS = parse_dkim_keys(f"a._domainkey.example.org={path}, b._domainkey.news.example.org={path}")
    signed = {
        address: re.findall(rb"d=([^;]*); s=([^;]*);", signer_of(address)(data_block(MESSAGE), NOW))
        for address in ("x@example.org", "x@news.example.org", "x@my.news.example.org", "x@old.example.org")
    }
    assert signed == {
        "x@example.org": [(b"example.org", b"a")],
        "x@news.example.org": [(b"news.example.org", b"b")],
        "x@my.news.example.org": [(b"news.example.org", b"b")],
        "x@old.example.org": [(b"example.org", b"a")],
    }
    with pytest.raises(NoKeyForSender):
        signer_of("x@badexample.org")


@pytest.mark.parametrize(
    ("kind", "why"),
    [("rsa1024", "an RSA key of 1024 bits"), ("ec", "neither RSA nor Ed25519"), ("", "No such file")],
)
def test_a_bad_key_is_said_at_the_start(settings: Settings, tmp_path: Path, kind: str, why: str):
    path = key_file(tmp_path, kind) if kind else str(tmp_path / "none.pem")
    settings.DKIM_KEYS = {"s1._domainkey.example.org": path}
    (error,) = run_checks(tags=["mailer"])
    assert error.id == "mailer.E002"
    assert why in error.msg
    (tmp_path / "text.pem").write_text("hello")
    with pytest.raises(KeyUnusable, match="holds no private key"):
        load_keys((("s1._domainkey.example.org", str(tmp_path / "text.pem")),))


@pytest.mark.parametrize("text", ["/etc/key.pem", "s1.example.org=/k", "s1._domainkey.org=/k", "s1._domainkey.a.org="])
def test_an_entry_of_another_form_is_refused(text: str):
    with pytest.raises(ValueError, match="DKIM_KEYS names"):
        parse_dkim_keys(text)
