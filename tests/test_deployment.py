"""The Dockerfile, the compose file and the systemd units: nothing in them contradicts the Procfile, and no secret is theirs."""

import re
import shlex
import shutil
import subprocess
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
UNITS = sorted((ROOT / "deploy" / "systemd").iterdir())
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
PROCFILE = dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text(encoding="utf-8").splitlines())
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
_QUEUES = re.compile(r"--queues (\S+)")


def unit(path: Path) -> ConfigParser:
    parser = ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string(path.read_text(encoding="utf-8"))
    return parser


def queues_of(commands: list[str]) -> list[str]:
    return sorted(queue for command in commands for found in _QUEUES.findall(command) for queue in found.split(","))


def test_each_queue_has_a_worker_in_every_way_to_start_them():
    expected = queues_of([PROCFILE["worker"]])
    assert expected == ["bulk", "default", "transactional"]
    assert queues_of([str(service.get("command", "")) for service in COMPOSE["services"].values()]) == expected
    target = (ROOT / "deploy" / "systemd" / "afternoon-post.target").read_text(encoding="utf-8")
    assert sorted(re.findall(r"worker@(\w+)\.service", target)) == expected


def test_the_compose_file_has_no_secret_and_no_default_for_one():
    text = (ROOT / "compose.yaml").read_text(encoding="utf-8")
    names = re.findall(r"(?<!\$)\$\{(\w+)([^}]*)\}", text)
    assert {name for name, _ in names} == {"SECRET_KEY", "ALLOWED_HOSTS", "POSTGRES_PASSWORD", "REDIS_PASSWORD"}
    assert all(rest.startswith(":?") for _, rest in names), "one that is missing must stop it"


def test_whatever_is_ours_in_the_compose_file_is_confined_and_has_time_to_end():
    ours = {name: service for name, service in COMPOSE["services"].items() if service["image"] == "afternoon-post"}
    assert set(ours) == {"migrate", "web", "worker-single", "worker-bulk", "beat"}
    for service in ours.values():
        assert service["stop_grace_period"] == "60s"
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
        assert "var:/var/lib/afternoon-post" in service["volumes"], "the journals outlive their worker"
    published = [port for service in COMPOSE["services"].values() for port in service.get("ports", [])]
    assert published == ["127.0.0.1:8000:8000"], "neither PostgreSQL nor Redis is reachable from outside"


def test_the_image_has_no_secret_runs_as_nobody_and_finds_what_it_copies():
    assert not re.search(r"^(ENV|ARG).*(KEY|PASSWORD|SECRET|TOKEN)", DOCKERFILE, re.MULTILINE)
    assert re.findall(r"^USER (\S+)", DOCKERFILE, re.MULTILINE) == ["10001"]
    copied = [
        source for line in re.findall(r"^COPY (?!--from)(.+)", DOCKERFILE, re.MULTILINE) for source in line.split()[:-1]
    ]
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in ignored
    for source in copied:
        assert (ROOT / source).exists()
        assert f"!{source}" in ignored


@pytest.mark.parametrize("path", [path for path in UNITS if path.suffix == ".service"], ids=lambda path: path.name)
def test_a_unit_starts_what_the_procfile_starts_and_gives_it_time_to_end(path: Path):
    service = unit(path)["Service"]
    program, *words = shlex.split(service["ExecStart"])
    name = path.name.removeprefix("afternoon-post-").removesuffix(".service").rstrip("@")
    expected = shlex.split(PROCFILE[name].removeprefix("exec "))
    assert program == f"/opt/afternoon-post/.venv/bin/{expected[0]}"
    end = "--bind" if name == "web" else "config"
    assert words[: words.index(end)] == expected[1 : expected.index(end)]
    assert (service["TimeoutStopSec"], service["KillMode"], service["Restart"]) == ("60", "mixed", "always")
    assert service["EnvironmentFile"].startswith(("/etc/afternoon-post/", "-/etc/afternoon-post/"))
    assert service["NoNewPrivileges"] == "yes"


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")
def test_systemd_finds_nothing_wrong_with_the_units_but_that_the_programs_are_not_installed_here():
    done = subprocess.run(
        ["systemd-analyze", "verify", *map(str, UNITS)], capture_output=True, text=True, timeout=60, check=False
    )
    said = [line for line in done.stderr.splitlines() if "is not executable: No such file" not in line]
    assert said == []
