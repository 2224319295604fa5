"""Whether a domain is set up as Gmail, Yahoo and Microsoft ask of senders, and what to add where it is not."""

from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from mailer.insight.name_servers import IPAddress, NameServers, NoAnswerFromDns
from mailer.insight.spf import MOST_LOOKUPS, read_spf

ALL = "Gmail, Yahoo, Microsoft"
#: The DER form of an RSA key of 2048 bits has 294 bytes, of 1024 bits 162.
_SHORT_KEY = 250


class State(StrEnum):
    """How a requirement stands."""

    OK = "ok"
    WARN = "warn"
    MISSING = "missing"
    UNKNOWN = "unknown"  #: it could not be asked
    NOT_ASKED = "not seen"  #: nobody said what to look at


@dataclass(frozen=True)
class Finding:
    """A requirement, who asks for it, and how it stands."""

    requirement: str
    asked_by: str
    state: State
    found: str
    advice: str = ""
    record: tuple[str, str] = ("", "")  #: the name and the text of a TXT record to add


@dataclass(frozen=True)
class Asked:
    """What to look at."""

    domain: str  #: of the From
    bounce_domain: str  #: of the envelope sender
    keys: Mapping[str, str] = field(default_factory=dict)  #: by the names of their records: what is to be published
    selectors: tuple[str, ...] = ()  #: others that sign, whose keys are not here
    host: IPAddress | None = None  #: that speaks to the world, if it is known


def check_dns(asked: Asked, dns: NameServers) -> list[Finding]:
    """All that DNS says, in the order in which people set it up."""
    checks: list[tuple[str, Callable[[Asked, NameServers], Iterator[Finding]]]] = [
        ("SPF", _spf),
        ("DKIM", _dkim),
        ("DMARC", _dmarc),
        ("MX", _mx),
        ("Reverse DNS", _reverse),
    ]
    findings: list[Finding] = []
    for name, check in checks:
        try:
            findings += check(asked, dns)
        except NoAnswerFromDns as error:
            findings.append(Finding(name, ALL, State.UNKNOWN, str(error)))
    return findings


def _spf(asked: Asked, dns: NameServers) -> Iterator[Finding]:
    domain, spf = asked.bounce_domain, read_spf(asked.bounce_domain, asked.host, dns)
    mine = f"ip{asked.host.version}:{asked.host}" if asked.host else "include:WHAT-YOUR-MAIL-SERVER-SAYS"
    if not spf.records:
        record = (domain, f"v=spf1 {mine} -all")
        yield Finding("SPF", ALL, State.MISSING, f"{domain} has no SPF record.", record=record)
        return
    found = f"{spf.records[0]} ({spf.lookups} of {MOST_LOOKUPS} lookups)"
    if spf.error:
        yield Finding("SPF", ALL, State.MISSING, found, f"Receivers throw it away: {spf.error}.")
    elif spf.ending in ("all", "+all"):
        yield Finding("SPF", ALL, State.MISSING, found, "It lets everybody send. End it with -all or ~all.")
    elif not spf.ending or spf.ending == "?all":
        yield Finding("SPF", ALL, State.WARN, found, "It leaves open who may not send. End it with -all or ~all.")
    else:
        yield Finding("SPF", ALL, State.OK, found)
    if asked.host is None:
        yield Finding("SPF for the host", ALL, State.NOT_ASKED, "", "Name the host that sends: --ip 192.0.2.7")
    else:
        state = State.OK if spf.result == "pass" and not spf.error else State.MISSING
        advice = "" if state is State.OK else f"Add {mine} to the record."
        yield Finding("SPF for the host", ALL, state, f"{asked.host}: {spf.result}", advice)


def _dkim(asked: Asked, dns: NameServers) -> Iterator[Finding]:
    for name, wanted in asked.keys.items():
        found = [_tags(text) for text in dns.texts(name) if "p=" in text]
        record = (name, wanted)
        if not found:
            yield Finding("DKIM", ALL, State.MISSING, f"{name}: nothing is published.", record=record)
        elif len(found) > 1 or found[0].get("p") != _tags(wanted)["p"]:
            many = "has more than one record" if len(found) > 1 else "has another key than signs here"
            yield Finding("DKIM", ALL, State.MISSING, f"{name} {many}.", "Leave only this one.", record)
        elif found[0].get("k", "rsa") != _tags(wanted)["k"]:
            yield Finding("DKIM", ALL, State.MISSING, f"{name} says another kind of key.", record=record)
        else:
            yield _published(name, found[0])
    for selector in asked.selectors:
        name = f"{selector}._domainkey.{asked.domain}"
        published = [_tags(text) for text in dns.texts(name) if "p=" in text]
        if published and published[0]["p"]:
            yield _published(name, published[0])
        else:
            yield Finding("DKIM", ALL, State.MISSING, f"{name}: no key.", "The mail server that signs has its record.")
    if not asked.keys and not asked.selectors:
        advice = "If your mail server signs, name its selector: --selector s1. Else set DKIM_KEYS."
        yield Finding("DKIM", ALL, State.NOT_ASKED, "No key signs here.", advice)


def _published(name: str, tags: dict[str, str]) -> Finding:
    if "y" in tags.get("t", "").split(":"):
        return Finding(
            "DKIM", ALL, State.WARN, f"{name} is published with t=y.", "That says it is a test: take it out."
        )
    if tags.get("k", "rsa") == "rsa" and _size(tags["p"]) < _SHORT_KEY:
        return Finding("DKIM", ALL, State.WARN, f"{name}: a short key.", "Use 2048 bits (RFC 8301).")
    return Finding("DKIM", ALL, State.OK, f"{name}: {tags.get('k', 'rsa')}")


def _dmarc(asked: Asked, dns: NameServers) -> Iterator[Finding]:
    place, records = asked.domain, _dmarc_records(asked.domain, dns)
    while not records and "." in place.partition(".")[2]:
        place = place.partition(".")[2]
        records = _dmarc_records(place, dns)
    if not records:
        record = (f"_dmarc.{asked.domain}", f"v=DMARC1; p=none; rua=mailto:dmarc@{asked.domain}")
        advice = "When the reports look right, go on to p=quarantine."
        yield Finding("DMARC", ALL, State.MISSING, f"_dmarc.{asked.domain} is not there.", advice, record)
        return
    tags, found = _tags(records[0]), f"_dmarc.{place}: {records[0]}"
    if len(records) > 1:
        yield Finding("DMARC", ALL, State.MISSING, f"_dmarc.{place} has {len(records)} records.", "Leave one.")
    elif tags.get("p") not in ("none", "quarantine", "reject"):
        yield Finding("DMARC", ALL, State.MISSING, found, "Its p= has to be none, quarantine or reject.")
    elif "rua" not in tags:
        yield Finding("DMARC", ALL, State.WARN, found, f"Have reports sent to you: rua=mailto:dmarc@{place}")
    else:
        yield Finding("DMARC", ALL, State.OK, found)
    yield _alignment(asked, place, tags)


def _alignment(asked: Asked, organisation: str, tags: dict[str, str]) -> Finding:
    """RFC 7489 section 3.1: one of the two has to be for the domain of the From; by both is better."""
    signing = {name.partition("._domainkey.")[2] for name in asked.keys}
    signing |= {asked.domain} if asked.selectors else set()
    by_dkim = any(_is_aligned(domain, asked.domain, organisation, tags.get("adkim")) for domain in signing)
    by_spf = _is_aligned(asked.bounce_domain, asked.domain, organisation, tags.get("aspf"))
    ways = [name for name, aligned in (("DKIM", by_dkim), ("SPF", by_spf)) if aligned]
    found = f"From {asked.domain}: by {' and '.join(ways) if ways else 'neither DKIM nor SPF'}."
    advice = "" if ways else f"Sign for {asked.domain}, or set BOUNCE_ADDRESS to a domain below it."
    return Finding("DMARC alignment", ALL, State.OK if ways else State.MISSING, found, advice)


def _is_aligned(domain: str, sender: str, organisation: str, mode: str | None) -> bool:
    if mode == "s":
        return domain == sender
    return any(domain == above or domain.endswith(f".{above}") for above in (sender, organisation)) or (
        sender.endswith(f".{domain}")
    )


def _mx(asked: Asked, dns: NameServers) -> Iterator[Finding]:
    domain, by = asked.bounce_domain, "Microsoft; RFC 5321"
    hosts = dns.exchanges(domain)
    where = f"{domain}, to which bounces go"
    reached = [host for host in hosts if host and dns.addresses(host)]
    if reached:
        yield Finding("MX", by, State.OK, f"{where}: {', '.join(reached)}")
    elif hosts:
        yield Finding("MX", by, State.MISSING, f"{where}: {', '.join(hosts) or 'null MX'} has no address.")
    else:
        advice = f"{domain}. MX 10 THE-HOST-THAT-TAKES-YOUR-MAIL."
        yield Finding("MX", by, State.MISSING, f"{where}, has no MX record.", advice)


def _reverse(asked: Asked, dns: NameServers) -> Iterator[Finding]:
    by = "Gmail, Yahoo"
    if asked.host is None:
        yield Finding("Reverse DNS", by, State.NOT_ASKED, "", "Name the host that sends: --ip 192.0.2.7")
        return
    names = dns.names(asked.host)
    back = [name for name in names if asked.host in dns.addresses(name)]
    if back:
        yield Finding("Reverse DNS", by, State.OK, f"{asked.host} is {back[0]}, and {back[0]} is {asked.host}.")
    elif names:
        advice = f"{names[0]}. {'A' if asked.host.version == 4 else 'AAAA'} {asked.host}"
        yield Finding("Reverse DNS", by, State.MISSING, f"{asked.host} is {names[0]}, which is not it.", advice)
    else:
        advice = "Whoever gave you the address sets its PTR record: ask them."
        yield Finding("Reverse DNS", by, State.MISSING, f"{asked.host} has no name.", advice)


def _dmarc_records(domain: str, dns: NameServers) -> list[str]:
    return [text for text in dns.texts(f"_dmarc.{domain}") if text.lower().replace(" ", "").startswith("v=dmarc1")]


def _tags(text: str) -> dict[str, str]:
    """The tags of a record such as `v=DKIM1; p=…` (RFC 6376 section 3.2)."""
    pairs = (part.partition("=") for part in text.split(";"))
    return {name.strip().lower(): "".join(value.split()) for name, _, value in pairs if name.strip()}


def _size(key: str) -> int:
    try:
        return len(b64decode(key))
    except ValueError:
        return 0
