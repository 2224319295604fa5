"""Sends a range of a mailing's deliveries: claims, writes, hands over and records, in groups and in one flow."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError
from django.utils import translation

from mailer.models import Claim, Mailing
from mailer.sending.claim import LEASE, Claimed, Range, Run, claim, release
from mailer.sending.commands import Envelope
from mailer.sending.holding import choose_held
from mailer.sending.journal import Journal, JournalUnavailable
from mailer.sending.limits import Limits
from mailer.sending.notes import Settled, settle
from mailer.sending.outcomes import Kind, Outcome, RelayUnavailable, SendingHalted
from mailer.sending.patience import Result, insist
from mailer.sending.record import finish_mailing, record
from mailer.sending.relays import may_probe, pause_relay, paused_until, resume_relay
from mailer.sending.signatures import Sign, signer_of
from mailer.sending.smtp import RelaySession
from mailer.sending.stopping import stopping
from mailer.sending.summary import RunSums
from mailer.sending.writers import Writer, writer_for
from mailer.templating.sandbox import TemplateError

logger = logging.getLogger(__name__)

#: How many deliveries are claimed, and recorded, at a time.
GROUP = 500
#: How many mails, and about how many bytes, are written before the first of them goes.
AHEAD, AHEAD_BYTES = 8, 1_000_000
#: How often a run writes down what it has done, and asks what staff have stopped or limited: they look on, and wait.
HEARTBEAT = timedelta(seconds=1)
#: A run begins no mail after this, so that it ends before Celery's time limit.
TIME_BUDGET = timedelta(minutes=10)
_RELAY_PAUSED = "the mail server is paused"

Clock = Callable[[], datetime]


def send_range(wanted: Range, task_id: UUID, clock: Clock) -> dict[str, Any]:
    """Send what is due of the range. Returns the summary that the task's result keeps: ids, counts, seconds, failures.

    What can't be sent now stays queued, or comes back to the queue, with nobody's attempt used up.
    """
    mailing = Mailing.objects.select_related("list", "digest", "version").filter(pk=wanted.mailing_id).first()
    halted, retry_at = "", paused_until()
    if mailing is None:
        halted = "there is no such mailing"  # purged since, or the database was restored from before it
    elif mailing.status != Mailing.Status.SENDING:
        halted = f"the mailing is {mailing.status}"
    elif retry_at is not None and retry_at > clock():
        halted = _RELAY_PAUSED
    if mailing is None or halted:
        return RunSums(wanted, clock()).summary(clock(), halted)
    return _Batch(mailing, _Order(wanted, task_id, is_probe=retry_at is not None), clock).run()


class _Order(NamedTuple):
    """What a run is asked to do."""

    wanted: Range
    task_id: UUID
    is_probe: bool  #: it finds out whether the mail server works again


class _Batch:
    """One run over a range."""

    def __init__(self, mailing: Mailing, order: _Order, clock: Clock) -> None:
        self._mailing, self._clock = mailing, clock
        self._wanted, self._task_id, self._is_probe = order
        self._sums = RunSums(self._wanted, clock())
        self._ends_at = clock() + TIME_BUDGET
        self._in_hand: list[_InHand] = []
        self._next_beat = clock() + HEARTBEAT
        self._stopped = ""  # why staff stopped the mailing meanwhile
        self._settled: list[Settled] = []
        self._ended: list[Claim] = []

    def run(self) -> dict[str, Any]:
        """Send, and leave nothing claimed behind but what may be in flight."""
        halted = ""
        try:
            self._journal = Journal(settings.JOURNAL_DIR)
        except JournalUnavailable as error:
            logger.error("Nothing is sent: %s", error)
            return self._sums.summary(self._clock(), str(error))
        self._run = Run(self._task_id, self._journal)
        clean = False
        try:
            halted = self._send()
            insist(self._flush)
            insist(lambda: release(self._run.claims))
            clean = True
        finally:
            # What the database would not take stays in the journal, and the next task on this host replays it.
            if clean:
                self._journal.finish()
            else:
                self._journal.abandon()
        insist(lambda: finish_mailing(self._mailing.pk, self._clock(), self._wanted))
        return self._sums.summary(self._clock(), halted)

    def _send(self) -> str:
        """Returns why it could not go on, or nothing."""
        try:
            writer = writer_for(self._mailing)
            sign = signer_of(writer.sender.address)
            first = self._claim(self._wanted.first)
            if not first:
                return ""
            if self._is_probe and not self._reach(partial(may_probe, self._clock())):
                return _RELAY_PAUSED
            self._limits = self._reach(Limits)
            session = RelaySession(settings.RELAY, settings.EMAIL_TIMEOUT, self._journal.started)
            with translation.override(writer.language), session:
                mails = self._envelopes(writer, session.eight_bit, first)
                for outcome in session.send(self._signed(mails, sign) if sign else mails):
                    if self._is_probe and outcome.code is not None:
                        # Only an answer shows that the relay works: one that is mute takes connections too.
                        self._sums.resumed, self._is_probe = insist(resume_relay), False
                    self._settle(outcome)
            return self._stopped
        except RelayUnavailable as error:
            insist(partial(pause_relay, str(error), self._clock()))
            return str(error)
        except (SendingHalted, TemplateError) as error:
            logger.error("Mailing %s can't go on: %s", self._mailing.pk, error)
            return str(error)

    def _signed(self, envelopes: Iterator[Envelope], sign: Sign) -> Iterator[Envelope]:
        for envelope in envelopes:
            yield envelope._replace(data=sign(envelope.data, self._clock()))

    def _envelopes(self, writer: Writer, eight_bit: bool, group: list[Claimed]) -> Iterator[Envelope]:
        """One envelope after the other, drawn by the relay session; a group is claimed when the last one is used up."""
        while group:
            people = [claimed.person.id for claimed in group if claimed.person]
            self._reach(partial(writer.look_up, people, self._clock()))
            now = self._clock()
            if now > self._next_beat:
                self._beat()  # the limits may be old, after a while with a slow mail server
            limited = partial(choose_held, self._mailing, self._limits, writer.sender.address, group, now)
            held = self._reach(limited)
            begin_until = min(self._ends_at, group[0].claim.until - LEASE / 2)
            for letter in self._letters(writer, eight_bit, group, held):
                now = self._clock()
                if now > self._next_beat:
                    self._beat()
                if self._stopped or now > begin_until or stopping():
                    return
                if isinstance(letter, Outcome):
                    self._settle(letter)
                else:
                    yield letter
            group = self._claim(group[-1].id + 1)

    def _letters(
        self, writer: Writer, eight_bit: bool, group: list[Claimed], held: dict[int, str]
    ) -> Iterator[Envelope | Outcome]:
        """Mails, or why there are none; some at a time, while what it takes is at hand in the processor's caches."""
        written: list[Envelope | Outcome] = []
        size, now = 0, self._clock()
        for claimed in group:
            if claimed.id in held:
                letter: Envelope | Outcome = Outcome(claimed.id, Kind.HELD, text=held[claimed.id])
            else:
                letter = writer.envelope(claimed, eight_bit, now)
            written.append(letter)
            size += len(letter.data) if isinstance(letter, Envelope) else 0
            if len(written) >= AHEAD or size > AHEAD_BYTES:
                yield from written
                written, size, now = [], 0, self._clock()
        yield from written

    def _beat(self) -> None:
        """Once a second or so: what is done is seen, and a pause, a cancellation or another limit is heard of."""
        self._next_beat = self._clock() + HEARTBEAT
        if self._settled or self._ended:
            self._reach(self._flush)
        self._limits = self._reach(Limits)
        status = self._reach(lambda: Mailing.objects.values_list("status", flat=True).get(pk=self._mailing.pk))
        if status != Mailing.Status.SENDING:
            self._stopped = f"the mailing is {status}"

    def _claim(self, first: int) -> list[Claimed]:
        if first > self._wanted.last:
            return []
        wanted = Range(self._wanted.mailing_id, first, self._wanted.last)
        # A claim that is made again after its answer was lost takes other deliveries: `release` ends the first.
        group = self._reach(lambda: claim(wanted, GROUP, self._clock(), self._run))
        self._sums.planned += len(group)
        if group:
            group[0].claim.mailing = self._mailing  # who records what became of it need not look it up again
            self._in_hand.append(_InHand(group[0].claim, len(group)))
        return group

    def _reach(self, action: Callable[[], Result]) -> Result:
        """What the database gives or does, with patience. Raises SendingHalted when that is at an end."""
        try:
            return insist(action)
        except DatabaseError as error:
            raise SendingHalted(f"the database can't be used: {error}") from error

    def _settle(self, outcome: Outcome) -> None:
        held = self._held_with(outcome.delivery_id)
        settled = settle(outcome, self._clock(), held.claim)
        self._settled.append(settled)
        if outcome.kind is not Kind.HELD:  # if this process dies, it is as if nobody had looked at it
            self._journal.settled(settled.note)
        if outcome.kind is not Kind.SENT:
            self._sums.note(outcome)
        held.left -= 1
        if not held.left:
            self._in_hand.remove(held)
            self._ended.append(held.claim)
        if len(self._settled) >= GROUP:
            insist(self._flush)

    def _held_with(self, delivery_id: int) -> "_InHand":
        for held in self._in_hand:  # nearly always the first
            if held.claim.first <= delivery_id <= held.claim.last:
                return held
        raise LookupError(f"delivery {delivery_id} is in none of the run's claims")

    def _flush(self) -> None:
        self._sums.done.update(record(self._mailing.pk, self._settled, self._ended))
        for ended in self._ended:
            del self._run.claims[ended.id]
        self._settled.clear()
        self._ended.clear()


@dataclass(slots=True)
class _InHand:
    """A claim of this run, and how many of its deliveries are not settled."""

    claim: Claim
    left: int
