"""Two hosts on one machine: network namespaces that reach the row's servers over a wire of their own, and nothing else."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from tests.crash.program import Program, wait_for
from tests.matrix.place import QUEUES, Place

#: The servers are on loopback; each host reaches them at its gateway, where a forwarder listens for it.
_NETWORK = "10.213.{number}"
#: The settings that say where the servers are.
_SERVERS = ("DATABASE_URL", "CELERY_BROKER_URL", "EMAIL_URL")


@dataclass(frozen=True)
class Host:
    """A network namespace with an address of its own."""

    name: str
    gateway: str

    def start_worker(self, place: Place, options: str, **more: str) -> Program:
        """A worker on this host, with a folder, and so with journals, of its own."""
        words = f"worker --queues {QUEUES} {options} -n worker@{self.name}".split()
        inside = ["ip", "netns", "exec", self.name, sys.executable, "-m", "celery", "--quiet", "-A", "config", *words]
        there = {name: place.environment[name].replace("127.0.0.1", self.gateway) for name in _SERVERS}
        return place.start(self.name, inside, VAR_DIR=str(place.folder / self.name), **there, **more)


def why_no_hosts() -> str:
    """Why there can be none here; nothing if there can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if shutil.which("ip") is None:
        return "`ip` is missing (apt-get install iproute2)"
    tried = subprocess.run(["ip", "netns", "add", "post-probe"], capture_output=True, text=True, check=False)
    if tried.returncode == 0:
        _ip("netns", "delete", "post-probe")
    return tried.stderr.strip()


@contextmanager
def two_hosts(place: Place) -> Iterator[list[Host]]:
    """Two hosts for the length of the `with`."""
    hosts = [Host(f"post-{os.getpid()}-{number}", f"{_NETWORK.format(number=number)}.1") for number in (1, 2)]
    try:
        for number, host in enumerate(hosts, 1):
            _connect(place, host, number)
        yield hosts
    finally:
        for program in place.programs:
            program.kill()
        for host in hosts:
            subprocess.run(["ip", "netns", "delete", host.name], capture_output=True, check=False)


def _connect(place: Place, host: Host, number: int) -> None:
    here, there, network = f"post{os.getpid()}a{number}", f"post{os.getpid()}b{number}", _NETWORK.format(number=number)
    _ip("netns", "add", host.name)
    _ip("link", "add", here, "type", "veth", "peer", "name", there, "netns", host.name)
    _ip("address", "add", f"{network}.1/24", "dev", here)
    _ip("link", "set", here, "up")
    for words in (f"address add {network}.2/24 dev {there}", f"link set {there} up", "link set lo up"):
        _ip("-netns", host.name, *words.split())
    ports = sorted({str(urlsplit(place.environment[name]).port) for name in _SERVERS})
    forwarder = place.start(f"wire-{number}", [sys.executable, "-m", "tests.matrix.wire", host.gateway, *ports])
    wait_for(lambda: "ready" in place.said(forwarder.name), "the wire")


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)
