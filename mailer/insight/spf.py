"""Reads a domain's SPF record as a receiver does (RFC 7208), and says what it costs and whether a host passes."""

from dataclasses import dataclass
from ipaddress import ip_interface, ip_network

from mailer.insight.name_servers import IPAddress, NameServers

#: RFC 7208 section 4.6.4.
MOST_LOOKUPS = 10
_RESULTS = {"+": "pass", "-": "fail", "~": "softfail", "?": "neutral"}
#: A record that costs more than this is not read to its end.
_PATIENCE = 30


@dataclass(frozen=True)
class Spf:
    """What a domain's record comes to."""

    records: list[str]  #: of the domain itself; one is right
    lookups: int  #: all that the record may cost, its includes' too
    result: str  #: for the host that was asked about: pass, fail, softfail, neutral; none without a record
    error: str  #: why receivers throw the record away (permerror); else empty

    @property
    def ending(self) -> str:
        """Its `all`, such as `-all`; or where it goes on, such as `redirect=example.com`."""
        terms = self.records[0].lower().split() if self.records else []
        return next((term for term in terms if term.lstrip("+-~?") == "all" or term.startswith("redirect=")), "")


def read_spf(domain: str, address: IPAddress | None, dns: NameServers) -> Spf:
    """The domain's SPF for mail from the address, if there is one. Raises NoAnswerFromDns."""
    walk = _Walk(address, dns)
    result = walk.check(domain)
    if walk.lookups > MOST_LOOKUPS:
        walk.errors.append(f"it takes {walk.lookups} lookups in DNS, and {MOST_LOOKUPS} are allowed")
    return Spf(spf_records(domain, dns), walk.lookups, result, "; ".join(dict.fromkeys(walk.errors)))


def spf_records(domain: str, dns: NameServers) -> list[str]:
    """The TXT records that are SPF (RFC 7208 section 4.5)."""
    return [text for text in dns.texts(domain) if text.lower().split(" ")[0] == "v=spf1"]


class _Walk:
    """One evaluation. Every term is read, also after the one that decides: the lookups are those of any host."""

    def __init__(self, address: IPAddress | None, dns: NameServers) -> None:
        self._address, self._dns = address, dns
        self.lookups = 0
        self.errors: list[str] = []

    def check(self, domain: str) -> str:
        """The result for mail from the domain."""
        records = spf_records(domain, self._dns)
        if len(records) > 1:
            self.errors.append(f"{domain} has {len(records)} SPF records, and one is allowed")
        if not records or self.lookups > _PATIENCE:
            return "none"
        decided, terms = "", records[0].split()[1:]
        for term in terms:
            qualifier, bare = (term[0], term[1:]) if term[0] in _RESULTS else ("+", term)
            if self._matches(bare, domain) and not decided:
                decided = _RESULTS[qualifier]
        redirect = next((term[9:] for term in terms if term.lower().startswith("redirect=")), "")
        if redirect and not any(term.lower().lstrip("+-~?") == "all" for term in terms):
            self.lookups += 1
            further = self.check(redirect)
            decided = decided or further
        return decided or "neutral"

    def _matches(self, term: str, domain: str) -> bool:
        name, _, rest = term.partition(":")
        name, slash, mask = name.partition("/")
        if not slash and name.lower() in ("a", "mx"):
            rest, _, mask = rest.partition("/")
        match name.lower():
            case "all":
                return self._address is not None
            case "ip4" | "ip6":
                return self._is_in(rest)
            case "include":
                return self._includes(rest)
            case "a" | "mx":
                return self._resolves(name.lower(), rest or domain, mask)
            case "exists" | "ptr":
                self.lookups += 1  # macros and reverse names are not read: that they match is nothing to build on
                return False
        if "=" not in term:
            self.errors.append(f"{domain} says {term!r}, which is no mechanism of SPF")
        return False

    def _includes(self, domain: str) -> bool:
        self.lookups += 1
        result = self.check(domain)
        if result == "none" and self.lookups <= _PATIENCE:
            self.errors.append(f"it includes {domain}, which has no SPF record")
        return result == "pass"

    def _resolves(self, kind: str, name: str, mask: str) -> bool:
        self.lookups += 1
        hosts = self._dns.exchanges(name)[:10] if kind == "mx" else [name]
        found = [address for host in hosts if host for address in self._dns.addresses(host)]
        four, _, six = f"/{mask}".partition("//")
        bits = {4: four.strip("/") or 32, 6: six or 128}
        return any(self._is_in(f"{address}/{bits[address.version]}") for address in found)

    def _is_in(self, network: str) -> bool:
        try:
            return self._address is not None and self._address in ip_network(ip_interface(network).network)
        except ValueError:
            self.errors.append(f"{network!r} is no address")
            return False
