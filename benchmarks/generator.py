"""Postfix's own generator of mails, the anchor: `smtp-source` with 8 sessions, the same amount on the wire."""

import subprocess
import time


class Generator:
    """smtp-source. It is anchored on 8 sessions: one alone is bound by how fast a core wakes up."""

    def __init__(self, program: str, port: int, size: int, mails: int) -> None:
        """Mails of this size in bytes."""
        target = f"127.0.0.1:{port}"
        self._command = [program, "-s", "8", "-d", "-l", str(size), "-m", str(mails), target]
        self._mails = mails

    def run(self) -> dict[str, float]:
        """Mails a second."""
        started = time.perf_counter()
        subprocess.run(self._command, check=True, capture_output=True)
        return {"smtp_source": self._mails / (time.perf_counter() - started)}
