"""Asks web servers that we do not know: never one of our own network, never for long, never for much."""

import socket
import ssl
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse, IncompleteRead
from threading import Timer
from urllib.parse import urljoin

from django.conf import settings

from mailer.outside.addresses import AddressRefused, FetchFailed, Place, find_place

__all__ = ["AddressRefused", "Answer", "FetchFailed", "Limits", "fetch", "post"]

_MOVED, _MOVED_FOR_GOOD = {301, 302, 303, 307, 308}, {301, 308}
_READ_AT_ONCE = 64 * 1024
_GZIP = 16 + zlib.MAX_WBITS


@dataclass(frozen=True)
class Limits:
    """What one request may take."""

    seconds: float = (
        20.0  #: from the first connection to the last byte, redirects and all; looking names up not counted
    )
    size: int = 5_000_000  #: bytes of the body, unpacked
    redirects: int = 5


@dataclass(frozen=True)
class Answer:
    """What a server answered."""

    status: int
    body: bytes
    url: str  #: where it came from, after redirects
    headers: Mapping[str, str] = field(default_factory=dict)  #: by lower-case name; the first of several
    moved_to: str = ""  #: where the address has moved for good (301, 308), if it has
    is_cut: bool = False  #: whether there was more than the limit, for `post`


def fetch(url: str, headers: Mapping[str, str], limits: Limits) -> Answer:
    """GET the address, after redirects, each of which is checked. Raises FetchFailed and AddressRefused.

    A body beyond the limit is a failure: half a document is none.
    """
    moved_to, all_for_good = "", True
    with _deadline(limits) as watch:
        for _ in range(limits.redirects + 1):
            answer = _ask("GET", find_place(url), None, headers, watch)
            if answer.status not in _MOVED or "location" not in answer.headers:
                if answer.is_cut:
                    raise FetchFailed(f"The answer is larger than {limits.size / 1_000_000:g} MB.")
                return Answer(answer.status, answer.body, url, answer.headers, moved_to)
            all_for_good = all_for_good and answer.status in _MOVED_FOR_GOOD
            url = urljoin(url, answer.headers["location"])
            moved_to = url if all_for_good else moved_to
    raise FetchFailed(f"It redirects more than {limits.redirects} times.")


def post(url: str, body: bytes, headers: Mapping[str, str], limits: Limits) -> Answer:
    """POST the bytes; a redirect is an answer as any other. Raises FetchFailed and AddressRefused.

    Of a long answer the beginning is given.
    """
    with _deadline(limits) as watch:
        return _ask("POST", find_place(url), body, headers, watch)


class _Watch:
    """Ends the connection in hand when time is up; a server that sends a byte a second would else go on for ever."""

    def __init__(self, limits: Limits) -> None:
        self.limits, self.is_over = limits, False
        self._socket: socket.socket | None = None
        self.timer = Timer(limits.seconds, self._end)
        self.timer.daemon = True

    def hold(self, opened: socket.socket) -> None:
        self._socket = opened
        if self.is_over:
            self._end()

    def _end(self) -> None:
        self.is_over = True
        if self._socket is not None:
            try:
                self._socket.shutdown(socket.SHUT_RDWR)
            except OSError:
                return  # it is closed already


@contextmanager
def _deadline(limits: Limits) -> Iterator[_Watch]:
    watch = _Watch(limits)
    watch.timer.start()
    try:
        yield watch
    except (OSError, HTTPException, ValueError, zlib.error) as error:
        # The socket's own limit is as long, and may be quicker by a hair.
        if watch.is_over or isinstance(error, TimeoutError):
            raise FetchFailed(f"It took more than {limits.seconds:g} seconds.") from error
        raise FetchFailed(f"It could not be asked: {_words(error)}.") from error
    finally:
        watch.timer.cancel()


class _Connection(HTTPConnection):
    """To the address that was checked, by the name that was asked for."""

    def __init__(self, place: Place, watch: _Watch) -> None:
        super().__init__(place.host, place.port, timeout=watch.limits.seconds)
        self._place, self._watch = place, watch

    def connect(self) -> None:
        plain = socket.create_connection((self._place.ip, self._place.port), self._watch.limits.seconds)
        self._watch.hold(plain)
        self.sock = plain
        if self._place.is_secure:
            self.sock = ssl.create_default_context().wrap_socket(plain, server_hostname=self._place.host)
            self._watch.hold(self.sock)


def _ask(method: str, place: Place, body: bytes | None, headers: Mapping[str, str], watch: _Watch) -> Answer:
    own = {"User-Agent": f"{settings.SITE_NAME} (+{settings.SITE_URL})", "Accept-Encoding": "gzip"}
    connection = _Connection(place, watch)
    try:
        connection.request(method, place.target, body, {**own, **headers, "Connection": "close"})
        response = connection.getresponse()
        content, is_cut = _read(response, watch.limits.size)
    finally:
        connection.close()
    if watch.is_over:
        raise TimeoutError
    named = {name.lower(): value for name, value in reversed(response.getheaders())}
    return Answer(response.status, content, place.url, named, is_cut=is_cut)


def _read(response: HTTPResponse, most: int) -> tuple[bytes, bool]:
    """The body, unpacked, and whether there is more of it."""
    packed = (response.getheader("Content-Encoding") or "").strip().lower() in {"gzip", "x-gzip"}
    unpack = zlib.decompressobj(_GZIP) if packed else None
    parts, size = [], 0
    while size <= most and (chunk := response.read(_READ_AT_ONCE)):
        part = unpack.decompress(chunk, most + 1 - size) if unpack else chunk
        parts.append(part)
        size += len(part)
    content = b"".join(parts)
    is_cut = size > most
    if not is_cut and (response.length or (unpack and content and not unpack.eof)):
        raise IncompleteRead(b"")
    return content[:most], is_cut


def _words(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return f"its certificate or its TLS is not right ({error.reason or error})"
    if isinstance(error, OSError):
        return str(error.strerror or error or "the connection broke off")
    return f"its answer is no HTTP ({type(error).__name__})"
