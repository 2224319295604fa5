"""Asks DNS, and tells what is not there from what could not be asked."""

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

import dns.exception
import dns.resolver
import dns.reversename

IPAddress = IPv4Address | IPv6Address

#: Seconds for one question, all its repeats included.
_PATIENCE = 6.0


class NoAnswerFromDns(Exception):
    """A name server did not answer, or not with an answer; the message names the question."""


class NameServers:
    """Answers to questions, each asked once."""

    def __init__(self, host: str = "", port: int = 53) -> None:
        """The servers that this machine asks; or the one at this address. Raises NoAnswerFromDns without any."""
        try:
            self._resolver = dns.resolver.Resolver(configure=not host)
        except dns.exception.DNSException as error:
            raise NoAnswerFromDns(f"This machine knows no name server: {error}") from error
        if host:
            self._resolver.nameservers, self._resolver.port = [host], port
        self._resolver.lifetime = _PATIENCE
        self._known: dict[tuple[str, str], list[Any]] = {}

    def texts(self, name: str) -> list[str]:
        """The TXT records, each with its strings joined."""
        return self._ask(name, "TXT", lambda row: b"".join(row.strings).decode("utf-8", "replace"))

    def exchanges(self, name: str) -> list[str]:
        """The hosts of the MX records, the preferred first; empty text for the null MX of RFC 7505."""
        rows = self._ask(name, "MX", lambda row: (row.preference, str(row.exchange).rstrip(".")))
        return [host for _, host in sorted(rows)]

    def addresses(self, name: str) -> list[IPAddress]:
        """The A and AAAA records."""
        return [
            address for kind in ("A", "AAAA") for address in self._ask(name, kind, lambda row: ip_address(row.address))
        ]

    def names(self, address: IPAddress) -> list[str]:
        """The PTR records."""
        reverse = dns.reversename.from_address(str(address)).to_text()
        return self._ask(reverse, "PTR", lambda row: str(row.target).rstrip("."))

    def _ask(self, name: str, kind: str, read: Callable[[Any], Any]) -> list[Any]:
        known = self._known.get((name, kind))
        if known is None:
            known = self._known[name, kind] = [read(row) for row in self._rows(name, kind)]
        return known

    def _rows(self, name: str, kind: str) -> list[Any]:
        try:
            return list(self._resolver.resolve(name, kind, search=False))
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except dns.exception.DNSException as error:
            raise NoAnswerFromDns(f"No answer about {kind} of {name}: {error}") from error
