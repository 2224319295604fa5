"""Which web addresses may be asked: those of the public internet, so that nobody reads our own network through us."""

import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import quote, urlsplit

from django.conf import settings

Address = IPv4Address | IPv6Address

#: Public by Python's tables of some versions, and yet a way to somewhere else (IANA's registries of special addresses).
_ELSEWHERE = [
    ip_network(text)
    for text in (
        "192.0.0.0/24", "192.88.99.0/24", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16",
    )
]  # fmt: skip
_UNICAST = ip_network("2000::/3")  #: all of IPv6 that is given out to networks
_FIRST_FREE_PORT = 1024
_WEB_PORTS = {80, 443}
_KEPT = "/:;,@!$&'()*+=~%[]?#-._"


class FetchFailed(Exception):
    """Nothing came, or nothing usable; the message says why in a sentence, without what was in the answer."""


class AddressRefused(FetchFailed):
    """The address is none that we ask."""


@dataclass(frozen=True)
class Place:
    """A web address taken apart, and the network address that was checked for it."""

    url: str
    is_secure: bool
    host: str
    port: int
    target: str  #: path and query, as the request line has them
    ip: str


def find_place(url: str) -> Place:
    """Look the address up and check it. Raises AddressRefused, and FetchFailed where the name is not known.

    Whoever connects has to use `ip`: looked up again, the name might lead elsewhere.
    """
    host, port, is_secure, target = _parts(url)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise FetchFailed(f"The name {host} is not known: {error}.") from error
    addresses = [ip_address(entry[4][0]) for entry in found]
    for address in addresses:
        if not is_allowed(address):
            raise AddressRefused(f"{host} leads to {address}, which is not on the public internet.")
    if port < _FIRST_FREE_PORT and port not in _WEB_PORTS and not _is_trusted(addresses[0]):
        raise AddressRefused(f"Port {port} is not one of the web.")
    return Place(url, is_secure, host, port, target, str(addresses[0]))


def is_allowed(address: Address) -> bool:
    """Whether it is one of the public internet, or in FETCH_ALLOW."""
    if _is_trusted(address):
        return True
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return is_allowed(address.ipv4_mapped)
        if address not in _UNICAST:
            return False
    elsewhere = any(address in network for network in _ELSEWHERE if network.version == address.version)
    return address.is_global and not address.is_multicast and not elsewhere


def check_url(url: str) -> None:
    """Raise AddressRefused for what can't be a web address, without looking it up."""
    _parts(url)


def is_trusted(place: Place) -> bool:
    """Whether it is in FETCH_ALLOW: a network of the operator's own, where what is said stays among themselves."""
    return _is_trusted(ip_address(place.ip))


def _is_trusted(address: Address) -> bool:
    networks = map(ip_network, settings.FETCH_ALLOW)
    return any(address in network for network in networks if network.version == address.version)


def _parts(url: str) -> tuple[str, int, bool, str]:
    if not url.isprintable() or " " in url:
        raise AddressRefused("The address has a space or a control character in it.")
    try:
        parts = urlsplit(url)
        port = parts.port
        host = (parts.hostname or "").encode("idna").decode("ascii")
    except (ValueError, UnicodeError) as error:
        raise AddressRefused(f"This is no web address: {error}.") from error
    if parts.scheme not in {"http", "https"} or not host:
        raise AddressRefused("A web address begins with https:// or http:// and names a host.")
    if parts.username is not None or parts.password is not None:
        raise AddressRefused("The address has a name or a password in it; these would be stored in the clear.")
    target = quote(parts.path or "/", safe=_KEPT) + (f"?{quote(parts.query, safe=_KEPT)}" if parts.query else "")
    is_secure = parts.scheme == "https"
    return host, port or (443 if is_secure else 80), is_secure, target
