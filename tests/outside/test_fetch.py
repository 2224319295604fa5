"""Asking servers that we do not know: none of our own network, never for long, never for much."""

import gzip
import ssl
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st
from pytest_django.fixtures import Settings

from mailer.outside.addresses import is_allowed
from mailer.outside.fetch import AddressRefused, FetchFailed, Limits, fetch, post
from tests.fake_web import FakeWeb, Reply, started_web

QUICK = Limits(seconds=5, size=1_000)


@pytest.fixture
def web(settings: Settings) -> Iterator[FakeWeb]:
    settings.FETCH_ALLOW = ["127.0.0.0/8", "::1/128"]
    with started_web() as running:
        yield running


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",  # noqa: S104 - asked, not bound
        "255.255.255.255", "192.0.0.8", "198.18.0.1", "::1", "::", "fe80::1", "fd00::1", "ff02::1", "::ffff:127.0.0.1",
        "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::", "2001:db8::1", "fec0::1", "2001::1",
        "::127.0.0.1",
    ],
)  # fmt: skip
def test_what_is_not_on_the_public_internet_is_not_asked(address: str, settings: Settings):
    settings.FETCH_ALLOW = []
    assert not is_allowed(ip_address(address))


@pytest.mark.parametrize("address", ["93.184.215.14", "1.1.1.1", "2606:4700:4700::1111", "::ffff:1.1.1.1"])
def test_what_is_public_is(address: str, settings: Settings):
    settings.FETCH_ALLOW = []
    assert is_allowed(ip_address(address))


@given(st.integers(0, 2**32 - 1))
def test_however_an_address_is_wrapped_it_is_judged_by_where_it_leads(number: int):
    inner = IPv4Address(number)
    assert is_allowed(IPv6Address(f"::ffff:{inner}")) == is_allowed(inner)
    if not inner.is_global:
        assert not is_allowed(inner)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/", "http://localhost:1/", "http://[::1]/", "http://2130706433/", "http://0x7f.1/",
        "http://0177.0.0.1/", "http://127.1/", "http://[::ffff:127.0.0.1]/", "ftp://example.org/", "file:///etc/passwd",
        "//example.org/", "https://", "https://ada:secret@example.org/", "http://example.org\\@127.0.0.1/",
        "http://exa mple.org/", "http://example.org/\r\nX: y", "http://127.0.0.1:99999/", "gopher://127.0.0.1:6379/_",
        "", "javascript:alert(1)", "http://a..b/",
    ],
)  # fmt: skip
def test_an_address_of_our_own_or_of_no_web_server_is_refused(url: str, settings: Settings):
    settings.FETCH_ALLOW = []
    with pytest.raises(FetchFailed):
        fetch(url, {}, QUICK)


def test_a_redirect_to_our_own_network_is_not_followed(web: FakeWeb, settings: Settings):
    settings.FETCH_ALLOW = ["127.0.0.1/32", "::1/128"]
    web.replies["/"] = Reply(302, headers={"Location": "http://127.0.0.2/secrets"})
    with pytest.raises(AddressRefused, match=r"127\.0\.0\.2, which is not on the public internet"):
        fetch(f"{web.url}/", {}, QUICK)
    web.replies["/"] = Reply(302, headers={"Location": "file:///etc/passwd"})
    with pytest.raises(AddressRefused, match="begins with https"):
        fetch(f"{web.url}/", {}, QUICK)


def test_an_answer_comes_with_its_headers_and_says_who_asked(web: FakeWeb):
    web.replies["/feed"] = Reply(200, b"news", {"ETag": '"7"'})
    answer = fetch(f"{web.url}/feed?a=1&b=ä", {"If-None-Match": '"6"'}, QUICK)
    assert (answer.status, answer.body, answer.headers["etag"]) == (200, b"news", '"7"')
    assert web.asked[0].path == "/feed?a=1&b=%C3%A4"
    assert web.asked[0].headers["If-None-Match"] == '"6"'
    assert web.asked[0].headers["User-Agent"] == "Afternoon Post (+https://post.example.org)"


def test_where_it_has_moved_for_good_is_said(web: FakeWeb):
    web.replies |= {
        "/old": Reply(301, headers={"Location": "/older"}),
        "/older": Reply(308, headers={"Location": "/for-now"}),
        "/for-now": Reply(302, headers={"Location": "/new"}),
        "/new": Reply(200, b"here"),
    }
    answer = fetch(f"{web.url}/old", {}, QUICK)
    assert (answer.body, answer.url, answer.moved_to) == (b"here", f"{web.url}/new", f"{web.url}/for-now")


def test_a_circle_of_redirects_has_an_end(web: FakeWeb):
    web.replies["/"] = Reply(302, headers={"Location": "/"})
    with pytest.raises(FetchFailed, match="more than 5 times"):
        fetch(f"{web.url}/", {}, QUICK)
    assert len(web.asked) == 6


def test_a_packed_answer_is_unpacked_and_a_bomb_is_not(web: FakeWeb):
    web.replies["/"] = Reply(200, gzip.compress(b"x" * 1_000), {"Content-Encoding": "gzip"})
    assert fetch(f"{web.url}/", {}, QUICK).body == b"x" * 1_000
    web.replies["/"] = Reply(200, gzip.compress(b"x" * 50_000_000), {"Content-Encoding": "gzip"})
    with pytest.raises(FetchFailed, match="larger than"):
        fetch(f"{web.url}/", {}, QUICK)
    web.replies["/"] = Reply(200, gzip.compress(b"x" * 1_000)[:-4], {"Content-Encoding": "gzip"})
    with pytest.raises(FetchFailed, match="no HTTP"):
        fetch(f"{web.url}/", {}, QUICK)
    web.replies["/"] = Reply(200, b"not packed", {"Content-Encoding": "gzip"})
    with pytest.raises(FetchFailed):
        fetch(f"{web.url}/", {}, QUICK)


def test_half_an_answer_is_none(web: FakeWeb):
    web.replies["/"] = Reply(200, b"half", {"Content-Length": "8"})
    with pytest.raises(FetchFailed):
        fetch(f"{web.url}/", {}, QUICK)


def test_a_server_that_dribbles_is_left_when_time_is_up(web: FakeWeb):
    def dribble(answering: BaseHTTPRequestHandler) -> None:
        answering.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
        for _ in range(100):
            answering.wfile.write(b"x")
            time.sleep(0.1)

    web.replies["/"] = Reply(raw=dribble)
    with pytest.raises(FetchFailed, match=r"more than 0\.5 seconds"):
        fetch(f"{web.url}/", {}, Limits(seconds=0.5))


@pytest.mark.parametrize(
    "said", [b"", b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 two hundred\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200]
)
def test_what_is_no_http_is_told_in_a_sentence(web: FakeWeb, said: bytes):
    web.replies["/"] = Reply(raw=lambda answering: answering.wfile.write(said) and None)
    with pytest.raises(FetchFailed, match="could not be asked"):
        fetch(f"{web.url}/", {}, QUICK)


def test_bytes_are_posted_and_of_a_long_answer_the_beginning_comes_back(web: FakeWeb):
    web.replies["/hook"] = Reply(500, b"no" * 1_000, {"Retry-After": "7"})
    answer = post(f"{web.url}/hook", b'{"a": 1}', {"Content-Type": "application/json"}, QUICK)
    assert (answer.status, len(answer.body), answer.is_cut, answer.headers["retry-after"]) == (500, 1_000, True, "7")
    assert (web.asked[0].method, web.asked[0].body) == ("POST", b'{"a": 1}')
    web.replies["/hook"] = Reply(307, headers={"Location": "/elsewhere"})
    assert post(f"{web.url}/hook", b"", {}, QUICK).status == 307


def test_a_certificate_that_nobody_vouches_for_is_not_taken(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    settings.FETCH_ALLOW = ["127.0.0.0/8", "::1/128"]
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    with started_web(context) as web:
        web.replies["/"] = Reply(200, b"safe")
        with pytest.raises(FetchFailed, match="its certificate"):
            fetch(f"{web.url}/", {}, QUICK)
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        assert fetch(f"{web.url}/", {}, QUICK).body == b"safe"
