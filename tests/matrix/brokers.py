"""The brokers that a run has: Valkey from its wheel always, the others where the machine has them."""

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from redis import Redis

from tests.servers import accepts, free_port, start_valkey

#: How to get what is missing.
HINT = "apt-get install redis-server rabbitmq-server"


def find_brokers() -> dict[str, str]:
    """Broker → its CELERY_BROKER_URL, or, where it can't be had, a sentence that says why (it has no `://`)."""
    return {"Valkey": start_valkey(), "Redis": _redis(), "RabbitMQ": _rabbitmq(), "SQS (moto)": _sqs()}


def empty(broker: str) -> None:
    """Take out what a row left behind whose workers were killed; of Redis and Valkey, which have more than one row."""
    if broker.startswith("redis://"):
        Redis.from_url(broker).flushall()


def _redis() -> str:
    if not shutil.which("redis-server"):
        return f"redis-server is not installed ({HINT})"
    port = free_port()
    _run(["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"], "redis")
    return _wait(port, f"redis://127.0.0.1:{port}/0")


def _rabbitmq() -> str:
    """One of our own, with its own folder and ports, beside any that the machine runs."""
    server = shutil.which("rabbitmq-server")
    if not server:
        return f"rabbitmq-server is not installed ({HINT})"
    port, distribution = free_port(), free_port()
    # The wrapper in the path insists on the system's user and folders; the script behind it does not.
    script = next(iter(sorted(Path("/usr/lib/rabbitmq/lib").glob("*/sbin/rabbitmq-server"))), Path(server))
    folder = tempfile.mkdtemp(prefix="afternoon-post-rabbitmq-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    environment = {
        "HOME": folder,
        "RABBITMQ_NODENAME": f"matrix{port}@localhost",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(distribution),
        "RABBITMQ_MNESIA_BASE": folder,
        "RABBITMQ_LOG_BASE": folder,
        "RABBITMQ_ENABLED_PLUGINS_FILE": f"{folder}/plugins",
        "RABBITMQ_PID_FILE": f"{folder}/pid",
        "ERL_EPMD_PORT": str(free_port()),
    }
    _run([str(script)], "rabbitmq", environment)
    return _wait(port, f"amqp://guest:guest@127.0.0.1:{port}//", 60)


def _sqs() -> str:
    """Moto's server, which behaves as SQS does towards boto3."""
    moto = shutil.which("moto_server") or str(Path(sys.executable).with_name("moto_server"))
    if not Path(moto).exists():
        return "moto is not installed (make test-matrix installs tests/matrix/requirements.txt)"
    port = free_port()
    os.environ.setdefault("AWS_DEFAULT_REGION", "eu-central-1")
    _run([moto, "-H", "127.0.0.1", "-p", str(port)], "sqs")
    return _wait(port, f"sqs://matrix:matrix@127.0.0.1:{port}//")


def _run(command: list[str], name: str, environment: dict[str, str] | None = None) -> None:
    folder = Path(tempfile.mkdtemp(prefix=f"afternoon-post-{name}-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    with (folder / "log").open("wb") as log:
        every = os.environ | (environment or {})
        server = subprocess.Popen(command, stdout=log, stderr=log, env=every, cwd=folder)

    def stop() -> None:
        server.terminate()
        try:
            server.wait(15)
        except subprocess.TimeoutExpired:
            server.kill()

    atexit.register(stop)


def _wait(port: int, url: str, seconds: float = 15) -> str:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if accepts(port):
            return url
        time.sleep(0.1)
    return f"it did not start within {seconds:.0f} s"
