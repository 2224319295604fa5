"""Starts a process that cannot outlive us: the kernel sends it SIGTERM when we die, however we die."""

import ctypes
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

PR_SET_PDEATHSIG = 1
# Looked up now: between fork and exec nothing may take a lock. None where the kernel is not Linux.
PRCTL = getattr(ctypes.CDLL(None), "prctl", None)


def start(
    command: Sequence[str], env: Mapping[str, str], cwd: Path, keep: Sequence[int] = (), talks: bool = False
) -> subprocess.Popen[bytes]:
    """Start the command in a process group of its own, so that Ctrl-C reaches only us.

    It inherits the open files in `keep`. Its output comes through `.stdout`; if it `talks`, only its errors do, through
    `.stderr`, and what it prints goes to our own standard output.
    """
    return subprocess.Popen(
        command,
        env=env,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=None if talks else subprocess.PIPE,
        stderr=subprocess.PIPE if talks else subprocess.STDOUT,
        pass_fds=keep,
        start_new_session=True,
        preexec_fn=partial(die_with_parent, os.getpid()),
    )


def die_with_parent(parent: int) -> None:
    """Ask the kernel for SIGTERM when the parent is gone; stop at once if it already is."""
    if PRCTL is not None:
        PRCTL(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)
