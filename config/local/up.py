"""`make run`: the whole service on this machine, with whatever servers it needs and was not given."""

import argparse
import os
import socket
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from honcho.environ import parse_procfile
from honcho.printer import Printer

from config.local import child, environment, lock, ports, valkey
from config.local.screen import complain, say
from config.local.supervise import Crew

PROCESSES = ("web", "worker", "beat")
DEFAULT_PORT = "8000"
MAILING_TIMEOUT = "120"
LOG_TAIL = 25


def main() -> int:
    """Start everything and stay, or with `--once` leave when today's demo mailing is final."""
    parser = argparse.ArgumentParser(prog="make run", description=__doc__)
    parser.add_argument("--once", action="store_true", help="send today's demo digest, wait until it is final, stop")
    once = parser.parse_args().once
    if "MAKELEVEL" in os.environ:
        child.die_with_parent(os.getppid())  # a killed make cannot stop us any more
    given = environment.read_given()
    var = environment.make_var(given)
    run = _run_once if once else _stay
    try:
        with lock.hold(var) as descriptor:
            return run(given, var, descriptor)
    except KeyboardInterrupt:  # while waiting for the lock
        return 130


def _stay(given: Mapping[str, str], var: Path, descriptor: int) -> int:
    crew = _crew(Printer(sys.stdout), given, descriptor)
    try:
        values = _start(crew, given, var)
        _say_where(values)
        crew.wait_until(lambda: False)
    except KeyboardInterrupt:
        say("", "Stopping; Ctrl-C again to hurry …")
        return 0
    finally:
        if crew.members:
            crew.stop()
            say(f"Stopped. Your data stays in {_short(var)}.")
    return 1


def _run_once(given: Mapping[str, str], var: Path, descriptor: int) -> int:
    path = var / "log" / "once.log"
    with path.open("w") as log:
        crew = _crew(Printer(log), given, descriptor)
        try:
            _start(crew, given, var)
            key = f"demo-{datetime.now(UTC):%Y-%m-%d}"
            crew.run("wait", _python("manage.py", "wait_for_mailing", "--key", key, "--timeout", MAILING_TIMEOUT))
        except KeyboardInterrupt:
            return 130
        except SystemExit:
            crew.stop()
            if tail := path.read_text().splitlines()[-LOG_TAIL:]:
                complain(*tail, f"The whole log: {_short(path)}")
            raise
        finally:
            crew.stop()
    return 0


def _start(crew: Crew, given: Mapping[str, str], var: Path) -> dict[str, str]:
    port = _choose_port(given)
    services = _start_services(crew, given, var)
    values = environment.compose(given, var, port, services)
    environment.write(values, var)
    lock.sign(crew.keep[0], values["SITE_URL"])
    crew.env = {**crew.env, **values}
    crew.run("prepare", _python("-m", "config.local.prepare"))
    commands = parse_procfile((environment.BASE_DIR / "Procfile").read_text()).processes
    for name in PROCESSES:
        crew.start(name, ["sh", "-c", commands[name]])
    if not crew.wait_until(lambda: _is_open(port), timeout=60):
        raise SystemExit("web did not open its port within a minute")
    return values


def _start_services(crew: Crew, given: Mapping[str, str], var: Path) -> dict[str, str]:
    """Start the servers that were not given; the settings that lead to those in use."""
    secrets = environment.keep_secrets(given, var)
    services = secrets | {name: given[name] for name in ("REDIS_URL", "EMAIL_URL") if name in given}
    if "REDIS_URL" not in given:
        services["REDIS_URL"] = _start_valkey(crew, var, secrets["VALKEY_PASSWORD"])
    if "EMAIL_URL" not in given:
        services |= _start_catcher(crew, var / "inbox")
    return services


def _start_valkey(crew: Crew, var: Path, password: str) -> str:
    began = time.monotonic()
    port = ports.any_free()
    config = valkey.write_config(var / "valkey", port, password, log=var / "log" / "valkey.log")
    crew.start("valkey", [valkey.find_binary(), str(config)], is_service=True)
    if not crew.wait_until(lambda: valkey.answers(port, password), timeout=30):
        raise SystemExit(f"Valkey does not answer; see {_short(var / 'log' / 'valkey.log')}")
    say(f"Valkey ready ({time.monotonic() - began:.1f} s)")
    return valkey.url(port, password)


def _start_catcher(crew: Crew, inbox: Path) -> dict[str, str]:
    with ports.listen() as listener:
        descriptor = listener.fileno()
        command = _python("-m", "config.local.catcher", str(inbox), str(descriptor))
        crew.start("catcher", command, is_service=True, keep=[descriptor])
        return {"EMAIL_URL": f"smtp://127.0.0.1:{listener.getsockname()[1]}", "LOCAL_INBOX": str(inbox)}


def _choose_port(given: Mapping[str, str]) -> int:
    wanted = given.get("PORT", DEFAULT_PORT)
    if not wanted.isdecimal() or not 1 <= int(wanted) <= ports.LAST_PORT:
        raise SystemExit(f"PORT is {wanted}, which is not a port number.")
    port = ports.first_free(int(wanted))
    if port != int(wanted):
        say(f"Port {wanted} cannot be had, so this is port {port}.")
    return port


def _crew(printer: Printer, given: Mapping[str, str], descriptor: int) -> Crew:
    env = {
        **given,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{given.get('PATH', os.defpath)}",
        "PYTHONUNBUFFERED": "1",
        # Celery's five lines to root are right for a server and noise here.
        "PYTHONWARNINGS": "ignore:You're running the worker",
    }
    return Crew(printer, env, environment.BASE_DIR, keep=[descriptor])


def _say_where(values: Mapping[str, str]) -> None:
    site = values["SITE_URL"]
    lines = [
        "",
        "Afternoon Post runs.",
        f"  Admin         {site}/admin/    user admin, password {values['ADMIN_PASSWORD']}",
        f"  Delivery log  {site}/admin/mailer/delivery/",
        f"  Inbox         {site}/inbox/    every mail that went out",
        "  Stop          Ctrl-C",
        "",
    ]
    say(*(line for line in lines if values["LOCAL_INBOX"] or "Inbox" not in line))


def _is_open(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def _python(*arguments: str) -> list[str]:
    return [sys.executable, *arguments]


def _short(path: Path) -> str:
    return str(path.relative_to(environment.BASE_DIR) if path.is_relative_to(environment.BASE_DIR) else path)


if __name__ == "__main__":
    sys.exit(main())
