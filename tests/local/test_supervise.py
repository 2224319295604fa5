"""What is left of a run's processes when it ends, whichever way."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from config.local import environment, lock
from tests.local.waiting import wait_until

PIDS = ("service", "worker", "grandchild")


@contextmanager
def crew(folder: Path, *code: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.local.crew", str(folder), *code]
    with subprocess.Popen(
        command, cwd=environment.BASE_DIR, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as started:
        yield started


def running(folder: Path) -> list[str]:
    return [name for name in PIDS if is_alive((folder / name).read_text())]


def is_alive(pid: str) -> bool:
    try:
        stat = Path(f"/proc/{pid.strip()}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def wait_for_start(folder: Path) -> None:
    wait_until(lambda: all((folder / name).exists() and (folder / name).read_text() for name in PIDS))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_everything(tmp_path: Path, number: signal.Signals) -> None:
    with crew(tmp_path) as started:
        wait_for_start(tmp_path)
        assert running(tmp_path) == list(PIDS)
        started.send_signal(number)
        assert started.wait(20) == 0
    assert running(tmp_path) == []


def test_a_killed_supervisor_leaves_no_orphan(tmp_path: Path) -> None:
    with crew(tmp_path) as started:
        wait_for_start(tmp_path)
        started.kill()
        wait_until(lambda: running(tmp_path) == [])


def test_a_process_that_ends_stops_the_rest_and_says_why(tmp_path: Path) -> None:
    with crew(tmp_path, "3") as started:
        output, _ = started.communicate(timeout=20)
    assert started.returncode == 1
    assert "web ended by itself with exit code 3: no such database" in output
    assert all(not is_alive((tmp_path / name).read_text()) for name in PIDS if (tmp_path / name).exists())


def test_a_second_start_says_where_the_first_one_runs(tmp_path: Path) -> None:
    with lock.hold(tmp_path) as descriptor:
        lock.sign(descriptor, "http://localhost:8123")
        second = subprocess.run(
            [sys.executable, "-m", "config.local.up", "--once"],
            cwd=environment.BASE_DIR,
            env=os.environ | {"VAR_DIR": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
            timeout=20,
        )
    assert second.returncode == 1
    assert second.stderr == "Afternoon Post already runs here: http://localhost:8123\n"


def test_the_lock_is_free_after_the_run(tmp_path: Path) -> None:
    for _ in range(2):
        with lock.hold(tmp_path):
            pass
