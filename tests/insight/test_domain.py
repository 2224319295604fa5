"""A domain's DNS against what the big mailbox providers ask, by questions to a real name server."""

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_address

import pytest

from mailer.insight.domain import Asked, Finding, check_dns
from mailer.insight.name_servers import NameServers
from mailer.insight.spf import read_spf
from tests.fake_dns import FakeDns

HOST = ip_address("192.0.2.7")
KEY = "v=DKIM1; k=ed25519; p=" + "A" * 43 + "="
RSA = "v=DKIM1; k=rsa; p=" + "A" * 392
GOOD = {
    "example.org TXT": ['"google-site-verification=x"'],
    "bounce.example.org TXT": ['"v=spf1 ip4:192.0.2.0/29 include:_spf.example.net -all"'],
    "_spf.example.net TXT": ['"v=spf1 ip4:198.51.100.0/24 ~all"'],
    "s1._domainkey.example.org TXT": [f'"{KEY}"'],
    "_dmarc.example.org TXT": ['"v=DMARC1; p=none; rua=mailto:dmarc@example.org"'],
    "bounce.example.org MX": ["10 mx.example.org."],
    "mx.example.org A": ["192.0.2.7"],
    "7.2.0.192.in-addr.arpa PTR": ["mx.example.org."],
}
ASKED = Asked("example.org", "bounce.example.org", {"s1._domainkey.example.org": KEY}, host=HOST)


@pytest.fixture
def server() -> Iterator[FakeDns]:
    """A zone in which all is right."""
    with FakeDns(dict(GOOD)) as made:
        yield made


def found(server: FakeDns, asked: Asked = ASKED) -> dict[str, Finding]:
    findings = check_dns(asked, NameServers("127.0.0.1", server.port))
    assert len({finding.requirement for finding in findings}) == len(findings)
    return {finding.requirement: finding for finding in findings}


def states(server: FakeDns, asked: Asked = ASKED) -> dict[str, str]:
    return {name: finding.state.value for name, finding in found(server, asked).items() if finding.state != "ok"}


def test_a_domain_that_is_set_up_is_all_right(server: FakeDns):
    rows = found(server)
    assert list(rows) == ["SPF", "SPF for the host", "DKIM", "DMARC", "DMARC alignment", "MX", "Reverse DNS"]
    assert states(server) == {}
    assert "1 of 10 lookups" in rows["SPF"].found
    assert rows["DMARC alignment"].found == "From example.org: by DKIM and SPF."


@pytest.mark.parametrize(
    ("record", "rows", "wrong"),
    [
        ("bounce.example.org TXT", [], {"SPF": "missing"}),
        ("bounce.example.org TXT", ['"v=spf1 ip4:192.0.2.7 -all"', '"v=spf1 -all"'], {"SPF": "missing", "SPF for the host": "missing"}),
        ("bounce.example.org TXT", ['"v=spf1 ip4:192.0.2.7 +all"'], {"SPF": "missing"}),
        ("bounce.example.org TXT", ['"v=spf1 ip4:192.0.2.7 ?all"'], {"SPF": "warn"}),
        ("bounce.example.org TXT", ['"v=spf1 ip4:192.0.2.7"'], {"SPF": "warn"}),
        ("bounce.example.org TXT", ['"v=spf1 ip4:192.0.2.7 ~all"'], {}),
        ("bounce.example.org TXT", ['"V=SPF1 a:mx.example.org " "-all"'], {}),
        ("bounce.example.org TXT", ['"v=spf1 mx -all"'], {}),
        ("bounce.example.org TXT", ['"v=spf1 redirect=_spf.example.net"'], {"SPF for the host": "missing"}),
        ("bounce.example.org TXT", ['"v=spf1 -ip4:192.0.2.7 a:mx.example.org -all"'], {"SPF for the host": "missing"}),
        ("bounce.example.org TXT", ['"v=spf1 include:gone.example.net a:mx.example.org -all"'],
         {"SPF": "missing", "SPF for the host": "missing"}),
        ("bounce.example.org TXT", ['"v=spf1 ip4:192.0.2.700 -all"'], {"SPF": "missing", "SPF for the host": "missing"}),
        ("bounce.example.org TXT", ['"v=spf1 ipv4:192.0.2.7 -all"'], {"SPF": "missing", "SPF for the host": "missing"}),
        ("s1._domainkey.example.org TXT", [], {"DKIM": "missing"}),
        ("s1._domainkey.example.org TXT", ['"v=DKIM1; k=ed25519; p=' + "B" * 43 + '="'], {"DKIM": "missing"}),
        ("s1._domainkey.example.org TXT", ['"v=DKIM1; p=' + "A" * 43 + '="'], {"DKIM": "missing"}),
        ("s1._domainkey.example.org TXT", ['"v=DKIM1; k=ed25519; p="'], {"DKIM": "missing"}),
        ("s1._domainkey.example.org TXT", [f'"{KEY[:30]}" "{KEY[30:]}; t=y"'], {"DKIM": "warn"}),
        ("s1._domainkey.example.org TXT", [f'"{KEY[:30]}" "{KEY[30:]}"'], {}),
        ("_dmarc.example.org TXT", [], {"DMARC": "missing"}),
        ("_dmarc.example.org TXT", ['"v=DMARC1; p=all; rua=mailto:x@example.org"'], {"DMARC": "missing"}),
        ("_dmarc.example.org TXT", ['"v=DMARC1; p=reject; rua=mailto:x@example.org"', '"v=DMARC1; p=none"'], {"DMARC": "missing"}),
        ("_dmarc.example.org TXT", ['"v=DMARC1; p=reject"'], {"DMARC": "warn"}),
        ("_dmarc.example.org TXT", ['"v=DMARC1; p=reject; aspf=s; rua=mailto:x@example.org"'], {}),
        ("bounce.example.org MX", [], {"MX": "missing"}),
        ("bounce.example.org MX", ["0 ."], {"MX": "missing"}),
        ("bounce.example.org MX", ["10 gone.example.org."], {"MX": "missing"}),
        ("7.2.0.192.in-addr.arpa PTR", [], {"Reverse DNS": "missing"}),
        ("7.2.0.192.in-addr.arpa PTR", ["other.example.org."], {"Reverse DNS": "missing"}),
        ("7.2.0.192.in-addr.arpa PTR", ["other.example.org.", "mx.example.org."], {}),
    ],
)  # fmt: skip
def test_each_fault_is_one_row(server: FakeDns, record: str, rows: list[str], wrong: dict[str, str]):
    server.zone[record] = rows
    assert states(server) == wrong


def test_what_to_add_is_said_to_the_letter(server: FakeDns):
    server.zone.clear()
    rows = found(server)
    assert rows["SPF"].record == ("bounce.example.org", "v=spf1 ip4:192.0.2.7 -all")
    assert rows["DKIM"].record == ("s1._domainkey.example.org", KEY)
    assert rows["DMARC"].record[0] == "_dmarc.example.org"
    server.zone |= {f"{name} TXT": [f'"{text}"'] for name, text in (row.record for row in rows.values()) if text}
    assert set(states(server)) == {"MX", "Reverse DNS"}


def test_nothing_is_aligned_when_bounces_and_keys_are_of_others(server: FakeDns):
    server.zone["bounces.provider.example TXT"] = ['"v=spf1 ip4:192.0.2.7 -all"']
    server.zone["bounces.provider.example MX"] = ["10 mx.example.org."]
    asked = Asked("example.org", "bounces.provider.example", {}, host=HOST)
    assert states(server, asked) == {"DKIM": "not seen", "DMARC alignment": "missing"}
    assert states(server, replace(asked, selectors=("s1",))) == {}
    assert states(server, replace(asked, selectors=("s2",))) == {"DKIM": "missing"}


def test_strict_alignment_wants_the_same_domain(server: FakeDns):
    server.zone["_dmarc.example.org TXT"] = ['"v=DMARC1; p=none; aspf=s; adkim=s; rua=mailto:x@example.org"']
    assert found(server)["DMARC alignment"].found == "From example.org: by DKIM."
    assert found(server, replace(ASKED, keys={}))["DMARC alignment"].state == "missing"


def test_a_domain_below_has_the_dmarc_of_the_one_above(server: FakeDns):
    row = found(server, replace(ASKED, domain="news.example.org"))["DMARC"]
    assert (row.state, row.found.split(":")[0]) == ("ok", "_dmarc.example.org")


def test_a_short_rsa_key_is_warned_of(server: FakeDns):
    short = "v=DKIM1; k=rsa; p=" + "A" * 216
    for text, state in ((RSA, "ok"), (short, "warn")):
        server.zone["s1._domainkey.example.org TXT"] = [f'"{text[:200]}" "{text[200:]}"']
        assert found(server, replace(ASKED, keys={"s1._domainkey.example.org": text}))["DKIM"].state == state


def test_a_server_that_fails_is_not_taken_for_a_record_that_is_missing(server: FakeDns):
    server.broken.add("_dmarc.example.org")
    assert states(server) == {"DMARC": "unknown"}


def test_without_a_host_nothing_is_said_of_it(server: FakeDns):
    assert states(server, replace(ASKED, host=None)) == {"SPF for the host": "not seen", "Reverse DNS": "not seen"}


def test_more_than_ten_lookups_are_too_many_wherever_they_stand(server: FakeDns):
    for number in range(12):
        server.zone[f"s{number}.example.net TXT"] = [f'"v=spf1 include:s{number + 1}.example.net -all"']
    server.zone["s12.example.net TXT"] = ['"v=spf1 -all"']
    dns = NameServers("127.0.0.1", server.port)
    assert read_spf("s3.example.net", HOST, dns).error == ""
    assert read_spf("s2.example.net", HOST, dns).lookups == 10
    assert "11 lookups" in read_spf("s1.example.net", HOST, dns).error
    server.zone["bounce.example.org TXT"] = ['"v=spf1 ip4:192.0.2.7 include:s1.example.net -all"']
    assert states(server)["SPF"] == "missing"


def test_a_record_that_includes_itself_comes_to_an_end(server: FakeDns):
    server.zone["loop.example.net TXT"] = ['"v=spf1 include:loop.example.net include:loop.example.net -all"']
    assert "lookups" in read_spf("loop.example.net", HOST, NameServers("127.0.0.1", server.port)).error


@pytest.mark.parametrize(
    ("terms", "address", "result"),
    [
        ("ip6:2001:db8::/32 -all", "2001:db8::1", "pass"),
        ("ip6:2001:db8::/32 -all", "192.0.2.7", "fail"),
        ("a/24 ~all", "192.0.2.200", "pass"),
        ("a:two.example.net//64 ~all", "2001:db8::99", "pass"),
        ("a:two.example.net ~all", "2001:db8::99", "softfail"),
        ("mx:two.example.net/31 ~all", "192.0.2.7", "pass"),
        ("include:fails.example.net ?all", "192.0.2.7", "neutral"),
        ("redirect=fails.example.net", "192.0.2.7", "fail"),
        ("ip4:192.0.2.7 redirect=fails.example.net", "192.0.2.7", "pass"),
        ("exists:%{i}.example.net -all", "192.0.2.7", "fail"),
    ],
)
def test_spf_is_read_as_receivers_read_it(server: FakeDns, terms: str, address: str, result: str):
    server.zone |= {
        "x.example.net TXT": [f'"v=spf1 {terms}"'],
        "x.example.net A": ["192.0.2.6"],
        "two.example.net AAAA": ["2001:db8::1"],
        "two.example.net MX": ["10 x.example.net."],
        "fails.example.net TXT": ['"v=spf1 -all"'],
    }
    read = read_spf("x.example.net", ip_address(address), NameServers("127.0.0.1", server.port))
    assert (read.result, read.error) == (result, "")
