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
#: What the two programs are linked with and a bare machine lacks.
LIBRARIES = ("libicu", "libdb5", "libnsl")


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
    """From PATH, from an earlier download, or from Debian packages that are unpacked and not installed."""
    found = _look()
    if found.sink and found.source:
        return found
    why_not = _download()
    found = _look()
    return Postfix(found.sink, found.source, why_not or "what was downloaded does not run")


def _look() -> Postfix:
    if FOLDER.exists():
        os.environ["LD_LIBRARY_PATH"] = os.pathsep.join(map(str, {path.parent for path in FOLDER.rglob("*.so*")}))
    places = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", str(FOLDER / "usr" / "sbin")])
    found = [shutil.which(name, path=places) for name in ("smtp-sink", "smtp-source")]
    sink, source = (path if path and _runs(path) else None for path in found)
    return Postfix(sink, source)


def _runs(program: str) -> bool:
    """Whether its libraries are there: it then says how it is used, and ends with 1."""
    return subprocess.run([program], capture_output=True, check=False).returncode == 1


def _download() -> str:
    """Returns why there is no package, or nothing."""
    if not shutil.which("apt-get") or not shutil.which("dpkg"):
        return "Postfix's smtp-sink and smtp-source are not installed, and there is no apt-get to fetch them"
    FOLDER.mkdir(parents=True, exist_ok=True)
    if os.geteuid() == 0:
        _call(["apt-get", "update", "-qq"])
    if not _call(["apt-get", "download", "postfix"]):
        return "Postfix's smtp-sink and smtp-source are not installed, and apt-get could not download them"
    command = [shutil.which("apt-cache") or "apt-cache", "depends", "postfix"]
    needed = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    if libraries := [word for word in needed.split() if word.startswith(LIBRARIES)]:
        _call(["apt-get", "download", *libraries, "libtirpc3"])
    for package in sorted(FOLDER.glob("*.deb")):
        if not _call(["dpkg", "-x", str(package), "."]):
            return f"the downloaded {package.name} could not be unpacked"
    return ""


def _call(command: list[str]) -> bool:
    try:
        return subprocess.run(command, cwd=FOLDER, capture_output=True, check=False, timeout=120).returncode == 0
    except subprocess.TimeoutExpired:
        return False
