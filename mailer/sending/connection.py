"""One SMTP connection: opened by smtplib, then driven command by command with grouped writes (RFC 2920).

The body of a mail, its final dot and the next mail's MAIL, RCPT and DATA travel together where the server offers
PIPELINING, so that a mail costs one round trip. At most one mail a connection is ever between its dot and its answer.
"""

import re
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from enum import Enum, auto

from config.environment import Relay
from mailer.sending.commands import (
    CONTENT,
    DATA,
    Answer,
    Envelope,
    grouped_commands,
    mail_command,
    rcpt_command,
    words_of,
)
from mailer.sending.opening import open_connection
from mailer.sending.outcomes import Kind, Outcome, RelayUnavailable, classify
from mailer.sending.stream import ConnectionLost, Stream

#: RFC 5321 section 4.5.3.2.6 gives the answer to the final dot more time than any other.
_PATIENCE_AT_DOT = 4


class Step(Enum):
    """What an expected answer answers."""

    MAIL = auto()
    RCPT = auto()
    DATA = auto()
    DOT = auto()
    RSET = auto()


_ENVELOPE = (Step.MAIL, Step.RCPT, Step.DATA)
_WHOLE_GROUP = deque((Step.DOT, *_ENVELOPE))


class Connection:
    """A connection and its mails: `offered` has its envelope under way, `handed_over` waits for its last answer."""

    def __init__(
        self, relay: Relay, timeout: float, started: Callable[[int], None], draw: Callable[[], Envelope | None]
    ) -> None:
        """Connect, greet, secure and log in. `started` is told a delivery's id right before its body is written.

        `draw` gives the next mail, if there is one; it is not asked once the connection is worn.

        Raises RelayUnavailable.
        """
        self._client = open_connection(relay, timeout)
        if self._client.sock is None:
            raise RelayUnavailable(f"{relay.host}:{relay.port} closed the connection")
        self.sock = self._client.sock
        self._stream = Stream(self.sock, timeout)
        self.eight_bit = self._client.has_extn("8bitmime")
        self.pipelining = self._client.has_extn("pipelining")
        self.offered: Envelope | None = None
        self.handed_over: Envelope | None = None
        self._broken_off: Envelope | None = None
        self.accepted = 0
        self.deadline = 0.0
        self._timeout = timeout
        self._started, self._draw = started, draw
        self._most = relay.mails_per_connection
        self.expected: deque[Step] = deque()  # the answers that are awaited, in their order
        self._refusal: tuple[Step, Answer] | None = None
        self._discarding = False
        self._said_goodbye = False

    @property
    def idle(self) -> bool:
        """Whether no answer is awaited."""
        return not self.expected

    @property
    def worn(self) -> bool:
        """Whether the connection has had, with those under way, as many mails as one may have."""
        return 0 < self._most <= self.accepted + (self.handed_over is not None) + (self.offered is not None)

    def offer(self, envelope: Envelope) -> None:
        """Begin a mail on an idle connection. Raises ConnectionLost."""
        self._write(self._begin(envelope))

    def read(self) -> Iterator[Outcome]:
        """Read what has arrived and go on, with the next mail where one fits. Yields what is settled.

        Raises ConnectionLost, or RelayUnavailable where the server refuses us and not a recipient.
        """
        self._stream.receive()
        content = CONTENT.fullmatch(self._stream.received)
        if content and self.handed_over and self.offered and self.expected == _WHOLE_GROUP and not self._discarding:
            yield self._take_content(self.handed_over, content)
            self._hand_over_body(self.offered)
            return
        self._await_answer()
        while self.expected and (answer := self._stream.next_answer()):
            outcome = self._advance(self.expected.popleft(), answer)
            if outcome is not None:
                yield outcome

    def unsent(self) -> list[Envelope]:
        """The mails of a lost connection that were not handed over."""
        return [envelope for envelope in (self._broken_off, self.offered) if envelope is not None]

    def say_goodbye(self) -> None:
        """Send QUIT if nothing is under way; `close` waits for its answer."""
        with suppress(OSError):  # the server may have gone first
            if self.idle:
                self.sock.settimeout(2)
                self.sock.sendall(b"QUIT\r\n")
                self._said_goodbye = True

    def close(self) -> None:
        """Close, after the answer to a QUIT (RFC 5321 section 4.1.1.10)."""
        with suppress(OSError):
            if self._said_goodbye:
                self.sock.recv(512)
        self._client.close()

    def _take_content(self, envelope: Envelope, content: re.Match[bytes]) -> Outcome:
        """All went well, as nearly always: the four answers at once, which is a quarter of the work of one by one."""
        self.expected.clear()
        self._stream.received = b""
        self.handed_over = None
        self.accepted += 1
        return Outcome(envelope.delivery_id, Kind.SENT, int(content[1]), words_of(content[2] or b""))

    def _advance(self, step: Step, answer: Answer) -> Outcome | None:
        if answer.code == 421 and step is not Step.DOT:
            raise ConnectionLost(f"421 {answer.text}")
        if step is Step.DOT:
            return self._finish(answer)
        if step is not Step.RSET and answer.code >= 400 and self._refusal is None:
            self._refusal = (step, answer)
        if step is Step.DATA:
            return self._hand_over(answer)
        if not self.pipelining and self.offered is not None:
            self._write(self._follow(step, self.offered))
        return None

    def _hand_over(self, answer: Answer) -> Outcome | None:
        envelope, refusal = self.offered, self._refusal
        self.offered, self._refusal = None, None
        if envelope is None:
            raise ConnectionLost("an answer came that nothing had asked for")
        if refusal is not None:
            if answer.code == 354:  # a server that takes DATA without a recipient wants its dot (RFC 2920 section 3.1)
                self._discarding = True
                self.expected.append(Step.DOT)
                self._write(b".\r\n")
            else:
                self._next(b"RSET\r\n")
            return _refused(envelope, *refusal)
        if answer.code != 354:
            self._next(b"RSET\r\n")
            return _refused(envelope, Step.DATA, answer)
        self._hand_over_body(envelope)
        return None

    def _hand_over_body(self, envelope: Envelope) -> None:
        """The body with its dot, and the next mail's envelope with it where the server offers PIPELINING."""
        body, self.offered = envelope.data, None
        upcoming = self._take() if self.pipelining else None
        self._started(envelope.delivery_id)
        self.handed_over = envelope
        self.expected.append(Step.DOT)
        self._write(body + self._begin(upcoming) if upcoming else body, decisive=len(body))

    def _finish(self, answer: Answer) -> Outcome | None:
        envelope, self.handed_over = self.handed_over, None
        if self._discarding:
            self._discarding = False
            self._next(b"")
            return None
        if envelope is None:
            raise ConnectionLost("an answer came that nothing had asked for")
        if 200 <= answer.code < 300:
            self.accepted += 1
            outcome = Outcome(envelope.delivery_id, Kind.SENT, answer.code, answer.text)
        else:
            outcome = _refused(envelope, Step.DOT, answer)
        if not self.expected and self.offered is None and answer.code != 421:
            self._next(b"")
        return outcome

    def _next(self, before: bytes) -> None:
        envelope = self._take()
        if before:
            self.expected.append(Step.RSET)
        if envelope is None:
            if before:
                self._write(before)
        elif before and not self.pipelining:
            self.offered = envelope
            self._write(before)
        else:
            self._write(before + self._begin(envelope))

    def _take(self) -> Envelope | None:
        return None if self.worn else self._draw()

    def _begin(self, envelope: Envelope) -> bytes:
        self.offered = envelope
        if not self.pipelining:
            return self._follow(Step.RSET, envelope)
        self.expected += _ENVELOPE
        return grouped_commands(envelope, self.eight_bit)

    def _follow(self, step: Step, envelope: Envelope) -> bytes:
        """Without PIPELINING: the one command that follows the step that was just answered."""
        if step is Step.RSET:
            self.expected.append(Step.MAIL)
            return mail_command(envelope, self.eight_bit)
        if step is Step.MAIL:
            self.expected.append(Step.RCPT)
            return rcpt_command(envelope)
        self.expected.append(Step.DATA)
        return DATA

    def _write(self, data: bytes, decisive: int = 0) -> None:
        """Write all. If it breaks off before the `decisive` bytes are out, the mail they end was not handed over."""
        self._await_answer()
        try:
            self._stream.write(data)
        except ConnectionLost as error:
            if error.written < decisive:
                self._broken_off, self.handed_over = self.handed_over, None
            raise

    def _await_answer(self) -> None:
        patience = _PATIENCE_AT_DOT if self.handed_over else 1
        self.deadline = time.monotonic() + self._timeout * patience


def _refused(envelope: Envelope, step: Step, answer: Answer) -> Outcome:
    """What a refusal means; at MAIL it is about us, not the recipient. Raises RelayUnavailable."""
    if step is Step.MAIL and answer.code != 552:
        raise RelayUnavailable(f"the sender {envelope.sender} was refused: {answer.code} {answer.text}")
    kind = classify(answer.code, answer.text, at_recipient=step is Step.RCPT)
    return Outcome(envelope.delivery_id, kind, answer.code, answer.text)
