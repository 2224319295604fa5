"""A worker's own record of what it is doing, on the host's disk, so that its death costs only the mails in flight.

One file a run, locked while its process lives, append-only, one line an event:

    C <claim> <mailing> <task> <first> <last> <made> <until>
                                the deliveries between two ids are claimed (times in microseconds since 1970)
    S <id>                      this one's body is about to be written to the mail server
    R <note>                    this one's outcome, as `notes` has it

Lines go to the kernel at once and are not synced: they survive the death of the process, not that of the machine. So
the first line names the machine's boot, and after a reboot a claim without an answer counts as in flight.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

from mailer.models import Claim, Delivery
from mailer.sending.notes import read_note
from mailer.sending.outcomes import Kind, Outcome, SendingHalted

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class JournalUnavailable(SendingHalted):
    """The journal can't be written (a full disk, a missing right); without it nothing is sent."""


class Journal:
    """An open journal. Closed without `finish`, it stays for `recover`."""

    def __init__(self, folder: Path) -> None:
        """Start a journal in the folder, made if need be. Raises JournalUnavailable."""
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._path = folder / f"{uuid4().hex}.journal"
            self._waiting: list[str] = []  # lines that go with the next one that must be there at once
            # Locked before it can be seen under its name, or another worker could take it for a dead one's.
            hidden = self._path.with_suffix(".new")
            self._file = os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._write(f"B {boot_id()}\n")
            hidden.rename(self._path)
        except OSError as error:
            raise JournalUnavailable(f"the journal in {folder} can't be written: {error}") from error

    def claimed(self, claim: Claim) -> None:
        """Note what is ours, before the claim is committed. Raises JournalUnavailable."""
        made, until = _microseconds(claim.made_at), _microseconds(claim.until)
        numbers = f"{claim.first} {claim.last} {made} {until}"
        self._write(f"C {claim.pk} {claim.mailing_id} {claim.task_id.hex} {numbers}\n")

    def started(self, delivery_id: int) -> None:
        """Note that a mail is about to be handed over. Raises JournalUnavailable."""
        self._write(f"{''.join(self._waiting)}S {delivery_id}\n")
        self._waiting.clear()

    def settled(self, note: str) -> None:
        """Note how a mail ended; it is written with the next mail that is begun.

        So a connection never has more than one mail that was begun and whose outcome is not in the file.
        """
        self._waiting.append(f"R {note}\n")

    def finish(self) -> None:
        """All of it is in the database: delete the file."""
        self._path.unlink(missing_ok=True)
        os.close(self._file)

    def abandon(self) -> None:
        """Leave the file for `recover`. Raises JournalUnavailable if its last lines can't be written."""
        try:
            self._write("".join(self._waiting))
        finally:
            os.close(self._file)

    def _write(self, line: str) -> None:
        data = line.encode()
        try:
            written = os.write(self._file, data)
            if written != len(data):
                # A torn line would swallow the one that is written after it when there is room again.
                os.ftruncate(self._file, os.fstat(self._file).st_size - written)
                raise JournalUnavailable("the journal's disk is full")
        except OSError as error:
            raise JournalUnavailable(f"the journal can't be written: {error}") from error


@dataclass
class Entries:
    """What a dead worker's journal tells."""

    same_boot: bool = False
    damaged: bool = False  #: a line could not be read, so others may be missing
    claims: list[Claim] = field(default_factory=list)  #: not all of them must have been committed
    started: set[int] = field(default_factory=set)
    outcomes: dict[int, tuple[Outcome, datetime]] = field(default_factory=dict)

    @property
    def trusted(self) -> bool:
        """Whether a delivery that it does not name was certainly not handed over."""
        return self.same_boot and not self.damaged

    def in_flight(self) -> set[int]:
        """Deliveries that were begun, with no answer known."""
        return self.started - self.outcomes.keys()


@contextmanager
def dead_journal(path: Path) -> Iterator[Entries | None]:
    """A dead worker's journal, held until the end of the `with` and then deleted; None if its worker is alive."""
    try:
        file = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        yield None
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(file)
        yield None
        return
    try:
        yield read_entries(path) if path.exists() else None
        path.unlink(missing_ok=True)
    finally:
        os.close(file)


def read_entries(path: Path) -> Entries:
    """The journal's lines; a last line that was not written to its end is left out."""
    entries = Entries()
    for line in path.read_text(encoding="utf-8", errors="replace").split("\n")[:-1]:
        try:
            _read_line(line, entries)
        except (ValueError, TypeError):
            # A damaged disk must not stop the workers of the host, who all begin with reading this.
            entries.damaged = True
    return entries


def _read_line(line: str, entries: Entries) -> None:
    """Raises ValueError or TypeError for a line that is not one of ours."""
    mark, _, rest = line.partition(" ")
    if mark == "B":
        entries.same_boot = rest == boot_id()
    elif mark == "C":
        entries.claims.append(_read_claim(*rest.split()))
    elif mark == "S":
        entries.started.add(int(rest))
    elif mark == "R":
        outcome, at = read_note(rest) if rest.startswith("[") else _read_words(rest)
        entries.outcomes[outcome.delivery_id] = (outcome, at)
    else:
        raise ValueError(f"no line of a journal begins with {mark!r}")


def _read_words(note: str) -> tuple[Outcome, datetime]:
    """An outcome as it was noted before that was JSON: an upgrade may end in a kill of the workers before."""
    number, moment, kind, reason, code, text = note.split(" ", 5)
    why = Delivery.Reason("" if reason == "-" else reason)
    return Outcome(int(number), Kind(kind), int(code) or None, text, why), _moment(moment)


def _read_claim(*words: str) -> Claim:
    number, mailing, task, first, last, made, until = words
    return Claim(
        pk=int(number),
        mailing_id=int(mailing),
        task_id=UUID(task),
        first=int(first),
        last=int(last),
        made_at=_moment(made),
        until=_moment(until),
    )


def _microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


def _moment(microseconds: str) -> datetime:
    return _EPOCH + int(microseconds) * _MICROSECOND


def journals(folder: Path) -> list[Path]:
    """The journals on this host, of the living and the dead."""
    return sorted(folder.glob("*.journal"))


def boot_id() -> str:
    """This boot of the machine's kernel."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
