"""The documents' blocks and commands, as a reader would copy them."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from tests.docs.settings_table import ROOT

PAGES = (
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "clients" / "python" / "README.md",
    *sorted(page for page in (ROOT / "docs").glob("*.md") if page.name != "reference.md"),
)
#: What a command begins with; where none of these stands in a block without a language, it is no command.
PROGRAMS = {
    "make", "manage.py", "celery", "docker", "pip", "openssl", "curl", "cp", "sudo", "pg_dump", "pg_restore", "sqlite3", "git",
    "python", "python3", "psql", "redis-cli", "systemctl", "journalctl",
}  # fmt: skip
_BLOCK = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
_INLINE = re.compile(r"`([^`\n]+)`")
_PYTHON = re.compile(r"^(?:\S*/)?python3? (?=manage\.py)")


@dataclass(frozen=True)
class Block:
    """What stands between two fences."""

    page: str
    language: str
    text: str

    @property
    def lines(self) -> list[str]:
        """Without those that are empty; one that goes on in the next is one."""
        return [line for line in self.text.replace("\\\n", " ").splitlines() if line.strip()]


def blocks() -> Iterator[Block]:
    """Of all documents but the one that is made from the code."""
    for page in PAGES:
        for language, text in _BLOCK.findall(page.read_text(encoding="utf-8")):
            yield Block(page.name, language, text)


def commands() -> list[str]:
    """Each command once, from blocks and from within sentences; without the prompt and the Python before manage.py."""
    found: dict[str, None] = {}
    for block in blocks():
        if block.language in ("", "sh", "console"):
            text = block.text.replace("\\\n", " ")
            lines = [text.strip()] if block.language == "sh" else text.splitlines()
            found |= {bare(line): None for line in lines if is_command(line)}
    for page in PAGES:
        prose = _BLOCK.sub("", page.read_text(encoding="utf-8"))
        found |= {bare(text): None for text in _INLINE.findall(prose) if " " in text and is_command(text)}
    return list(found)


def bare(line: str) -> str:
    """The command alone."""
    return _PYTHON.sub("", line.strip().removeprefix("$ ")).removeprefix(".venv/bin/")


def is_command(line: str) -> bool:
    """Whether it begins with a program."""
    return bare(line).split(" ")[0] in PROGRAMS


def words(command: str) -> list[str]:
    """As a shell takes it apart."""
    return shlex.split(command, comments=True)
