"""A name server on a real socket that answers from a small zone: the edge of the world."""

import socket
import threading
from types import TracebackType
from typing import Self

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rrset


class FakeDns:
    """Listens on loopback by UDP. The zone is `{"example.org TXT": ['"v=spf1 -all"']}`; any may change it meanwhile."""

    def __init__(self, zone: dict[str, list[str]]) -> None:
        self.zone = zone
        self.broken: set[str] = set()  #: names for which it says SERVFAIL
        self.asked: list[str] = []

    def __enter__(self) -> Self:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join(5)
        self._socket.close()

    @property
    def port(self) -> int:
        return int(self._socket.getsockname()[1])

    def _serve(self) -> None:
        while True:
            data, peer = self._socket.recvfrom(65_535)
            if not data:
                return
            self._socket.sendto(self._answer(dns.message.from_wire(data)).to_wire(max_size=65_535), peer)

    def _answer(self, query: dns.message.Message) -> dns.message.Message:
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        question = query.question[0]
        name, kind = question.name.to_text(omit_final_dot=True), question.rdtype.name
        self.asked.append(f"{name} {kind}")
        rows = self.zone.get(f"{name} {kind}")
        if name in self.broken:
            answer.set_rcode(dns.rcode.SERVFAIL)
        elif rows:
            answer.answer.append(dns.rrset.from_text_list(question.name, 60, "IN", kind, rows))
        elif not any(known.split()[0] == name for known in self.zone):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        return answer
