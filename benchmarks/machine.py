"""What the machine is, and what others do on it while we measure."""

import os
import platform
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


class Neighbours:
    """How much of the machine the processes use that are not ours."""

    def __init__(self) -> None:
        """From now on."""
        self._before, self._since = _foreign_ticks(), _uptime()

    def cores(self) -> float:
        """Cores in use by others since the last call, on average."""
        now, at = _foreign_ticks(), _uptime()
        used = sum(ticks - self._before.get(pid, 0) for pid, ticks in now.items())
        elapsed = max(0.01, at - self._since)
        self._before, self._since = now, at
        return max(0.0, used / _TICKS / elapsed)


def describe() -> str:
    """In a line."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text(encoding="ascii").splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    system = f"Linux {platform.release()}, Python {platform.python_version()}"
    return f"{os.cpu_count()} cores ({model}), {memory:.0f} GB, {system}"


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and its children that are alive."""
    tree = _tree()
    return sum(ticks for one, (_, ticks) in tree.items() if _descends(one, pid, tree)) / _TICKS


def children(pid: int) -> list[int]:
    """Of a process, alive."""
    return [one for one, (parent, _) in _tree().items() if parent == pid]


def peak_megabytes(pid: int) -> float:
    """The most memory that a process ever had resident."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 1024


def _foreign_ticks() -> dict[int, int]:
    tree = _tree()
    top = _topmost(tree)
    return {pid: ticks for pid, (_, ticks) in tree.items() if not _descends(pid, top, tree)}


def _topmost(tree: dict[int, tuple[int, int]]) -> int:
    """The outermost process of this run: a measurement is started by `python -m benchmarks`."""
    pid = os.getpid()
    while (parent := tree.get(pid, (0, 0))[0]) and b"benchmarks" in _command(parent):
        pid = parent
    return pid


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _descends(pid: int, from_pid: int, tree: dict[int, tuple[int, int]]) -> bool:
    while pid in tree and pid != from_pid:
        pid = tree[pid][0]
    return pid == from_pid


def _tree() -> dict[int, tuple[int, int]]:
    """Every process: its parent, and the ticks that it has used."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            continue  # it ended
        found[int(path.parent.name)] = (int(fields[1]), int(fields[11]) + int(fields[12]))
    return found


def _uptime() -> float:
    return float(Path("/proc/uptime").read_text(encoding="ascii").split()[0])
