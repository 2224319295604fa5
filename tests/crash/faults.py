"""What is done to the service in the middle of a run, and how many mails may be in doubt after it."""

import fcntl
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.crash.stack import Stack

#: Connections to the mail server: four a process, two processes a worker, two workers.
A_CHILD, A_WORKER, ALL = 4, 8, 16
#: While it answers no dot, the service tries it again now and then: one connection a process, twice in the test's time.
FURTHER_TRIES = 8
#: Events that are under way when the workers are killed, one a program that is told, at each of two times.
EVENTS_UNDER_WAY = 4
#: A worker that is asked to stop has this long (Celery's soft shutdown in config/settings.py).
GRACE = 20.0

Strike = Callable[[Stack, Random], str]


@dataclass(frozen=True)
class Fault:
    """A fault. `strike` brings it about and ends it; it returns what was wrong meanwhile, or nothing."""

    name: str
    strike: Strike
    doubt: int = 0  #: the most mails that may be uncertain: one a connection that was cut
    database: str = ""  #: the only one it is for
    copies: int = 1  #: how often each message is published
    per_second: int = 0  #: under a sending limit of so many mails; 0: under none
    of_events: bool = False  #: whether events are under way, not mails; then `doubt` is how many may come again


def _kill_child(stack: Stack, chance: Random) -> str:
    chance.choice(stack.workers).kill_child(chance)
    return ""


def _kill_worker(stack: Stack, chance: Random) -> str:
    worker = chance.choice(stack.workers)
    worker.kill()
    time.sleep(chance.uniform(0, 2))
    worker.start()
    return ""


def _kill_all_workers(stack: Stack, chance: Random) -> str:
    for worker in stack.workers:
        worker.kill()
    time.sleep(chance.uniform(0, 2))
    for worker in stack.workers:
        worker.start()
    return ""


def _kill_beat(stack: Stack, chance: Random) -> str:
    stack.beat.kill()
    time.sleep(chance.uniform(0, 2))
    stack.beat.start()
    return ""


def _kill_valkey(stack: Stack, chance: Random) -> str:
    stack.kill_valkey()
    time.sleep(chance.uniform(0, 5))
    stack.start_valkey()
    return ""


def _kill_postgresql(stack: Stack, chance: Random) -> str:
    if stack.postgresql:
        stack.postgresql.kill()
        time.sleep(_seconds(stack, chance, (1, 6), (20, 40)))
        stack.start_postgresql()
    return ""


def _stop_postgresql(stack: Stack, chance: Random) -> str:
    if stack.postgresql:
        stack.postgresql.signal(signal.SIGSTOP)
        time.sleep(_seconds(stack, chance, (2, 6), (20, 40)))
        stack.postgresql.signal(signal.SIGCONT)
    return ""


def _lock_sqlite(stack: Stack, chance: Random) -> str:
    with closing(sqlite3.connect(stack.folder / "db.sqlite3", timeout=60, isolation_level=None)) as held:
        held.execute("BEGIN IMMEDIATE")
        time.sleep(_seconds(stack, chance, (2, 6), (20, 40)))
        held.execute("ROLLBACK")
    return ""


def _kill_sink(stack: Stack, chance: Random) -> str:
    stack.sink.kill()
    time.sleep(_seconds(stack, chance, (0, 5), (0, 40)))
    stack.start_sink()
    return ""


def _hang_sink(stack: Stack, chance: Random) -> str:
    stack.sink.signal(signal.SIGSTOP)
    time.sleep(_seconds(stack, chance, (0.5, 1.5), (5, 15)))
    stack.sink.signal(signal.SIGCONT)
    return ""


def _hang_sink_long(stack: Stack, chance: Random) -> str:
    stack.sink.signal(signal.SIGSTOP)
    time.sleep(_beyond_timeouts(stack, chance))
    stack.sink.signal(signal.SIGCONT)
    return ""


def _mute_sink(stack: Stack, chance: Random) -> str:
    stack.sink.signal(signal.SIGUSR1)
    time.sleep(_seconds(stack, chance, (18, 22), (170, 190)))
    stack.sink.signal(signal.SIGUSR2)
    return ""


def _fill_disk(stack: Stack, chance: Random) -> str:
    ballast = stack.journals / "ballast"
    file = os.open(ballast, os.O_WRONLY | os.O_CREAT)
    for size in (2**20, 2**12, 1):
        with suppress(OSError):
            while os.write(file, b"x" * size):
                pass
    os.close(file)
    time.sleep(chance.uniform(1, 4))
    ballast.unlink()
    return ""


def _stop_worker(stack: Stack, chance: Random) -> str:
    worker = chance.choice(stack.workers)
    took = worker.terminate(GRACE + 10)
    left = [path.name for path in stack.journals.glob("*.journal") if _is_dead(path)]
    worker.start()
    sys.stderr.write(f"         it took {took:.1f} s to stop\n")
    if left:
        return f"the stopped worker left {len(left)} journals behind"
    return f"took {took:.0f} s to stop" if took > GRACE else ""


def _start_second_beat(stack: Stack, chance: Random) -> str:
    stack.second_beat.start()
    return ""


def _nothing(stack: Stack, chance: Random) -> str:
    return ""


def _everything(stack: Stack, chance: Random) -> str:
    """The host dies, its disks and the broker's data apart."""
    programs = stack.programs
    chance.shuffle(programs)
    for program in programs:
        if program.wanted:
            program.kill()
    stack.kill_valkey()
    time.sleep(chance.uniform(0, 2))
    stack.start_servers()
    stack.start_workers()
    return ""


FAULTS = [
    Fault("a worker's child is killed", _kill_child, A_CHILD),
    Fault("a worker is killed", _kill_worker, A_WORKER),
    Fault("all workers are killed", _kill_all_workers, ALL),
    Fault("all workers are killed, events under way", _kill_all_workers, EVENTS_UNDER_WAY, of_events=True),
    Fault("all workers are killed, under a limit", _kill_all_workers, ALL, per_second=300),
    Fault("a worker is told to stop", _stop_worker),
    Fault("beat is killed", _kill_beat),
    Fault("two beats", _start_second_beat),
    Fault("each message comes twice", _nothing, copies=2),
    Fault("Valkey is killed, its data lost", _kill_valkey),
    Fault("Valkey is killed, under a limit", _kill_valkey, per_second=300),
    Fault("PostgreSQL is killed", _kill_postgresql, database="PostgreSQL"),
    Fault("PostgreSQL stands still", _stop_postgresql, database="PostgreSQL"),
    Fault("the database is locked", _lock_sqlite, database="SQLite"),
    Fault("the mail server is killed", _kill_sink, ALL),
    Fault("the mail server hangs, briefly", _hang_sink),
    Fault("the mail server hangs, beyond timeouts", _hang_sink_long, ALL),
    Fault("the mail server answers no dot", _mute_sink, ALL + FURTHER_TRIES),
    Fault("the journal's disk is full", _fill_disk),
    Fault("everything is killed", _everything, ALL),
]


def mount_small_disk(folder: Path) -> bool:
    """A disk of its own for the journals, so that it can be full; needs root. Returns whether it is there."""
    folder.mkdir(parents=True)
    mount = [shutil.which("mount") or "mount", "-t", "tmpfs", "-o", "size=4m", "afternoon-post-journal", str(folder)]
    return os.geteuid() == 0 and subprocess.run(mount, capture_output=True, check=False).returncode == 0


def unmount(folder: Path) -> None:
    subprocess.run([shutil.which("umount") or "umount", str(folder)], capture_output=True, check=False)


def _seconds(stack: Stack, chance: Random, short: tuple[float, float], long: tuple[float, float]) -> float:
    return chance.uniform(*(long if stack.form == "long" else short))


def _beyond_timeouts(stack: Stack, chance: Random) -> float:
    """The answer to a dot is awaited four times EMAIL_TIMEOUT: 8 s in the short form, 80 s in the long one."""
    return _seconds(stack, chance, (9, 12), (85, 100))


def _is_dead(journal: Path) -> bool:
    """Whether nobody holds the journal's lock."""
    try:
        with journal.open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except FileNotFoundError:
        return False
    return True
