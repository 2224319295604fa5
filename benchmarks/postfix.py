"""The mail server that everybody sends to: Postfix's smtp-sink, or where it can't be had a sink of our own."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.programs import Programs
from tests.servers import free_port

FOLDER = Path(__file__).resolve().parent / ".venv" / "postfix"
ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Postfix:
    """Postfix's test tools; None, and why, where they are not to be had."""

    sink: str | None
    source: str | None
    why_not: str = ""

    def start_sink(self, programs: Programs) -> int:
        """Start a sink on a free port of the loopback, and return the port."""
        port = free_port()
        if self.sink is None:
            programs.start([sys.executable, "-m", "benchmarks.sink", str(port)], port)
        else:
            user = ["-u", "nobody"] if os.geteuid() == 0 else []
            programs.start([self.sink, *user, f"127.0.0.1:{port}", "1024"], port)
        return port

    @property
    def sink_name(self) -> str:
        """For the report."""
        return "smtp-sink" if self.sink else f"a sink of our own in Python ({self.why_not})"


def find_postfix() -> Postfix:
    """From PATH, from an earlier download, or from a Debian package that is unpacked and not installed."""
    found = _look()
    if found.sink and found.source:
        return found
    why_not = _download()
    found = _look()
    return Postfix(found.sink, found.source, why_not)


def _look() -> Postfix:
    places = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", str(FOLDER / "usr" / "sbin")])
    return Postfix(shutil.which("smtp-sink", path=places), shutil.which("smtp-source", path=places))


def _download() -> str:
    """Returns why there is no package, or nothing."""
    if not shutil.which("apt-get") or not shutil.which("dpkg"):
        return "Postfix's smtp-sink and smtp-source are not installed, and there is no apt-get to fetch them"
    FOLDER.mkdir(parents=True, exist_ok=True)
    if os.geteuid() == 0:
        _call(["apt-get", "update", "-qq"])
    # Its libraries are in the same package; apt's sandbox user can't write here, which is a warning only.
    if not _call(["apt-get", "download", "postfix"]) or not (packages := sorted(FOLDER.glob("postfix_*.deb"))):
        return "Postfix's smtp-sink and smtp-source are not installed, and apt-get could not download them"
    if not _call(["dpkg", "-x", str(packages[-1]), "."]):
        return "the downloaded package of Postfix could not be unpacked"
    return ""


def _call(command: list[str]) -> bool:
    try:
        return subprocess.run(command, cwd=FOLDER, capture_output=True, check=False, timeout=120).returncode == 0
    except subprocess.TimeoutExpired:
        return False
