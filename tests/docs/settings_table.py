"""Every setting as config/ reads it and .env.example explains it."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / ".env.example"
KINDS = {"str": "text", "int": "number", "float": "number", "bool": "true, false", "list": "list, by commas"}
_LINE = re.compile(r"(?P<off># )?(?P<name>[A-Z][A-Z0-9_]*)=(?P<default>[^#]*?)\s*(?:#\s*(?P<text>.*))?")
_MORE = re.compile(r"\s+#\s*(.*)")
_SECTION = re.compile(r"# --- (.*) ---")


@dataclass
class Setting:
    """A line of the example."""

    section: str
    name: str
    default: str
    text: str

    def row(self, kinds: dict[str, str]) -> str:
        """Of the table."""
        default = f"`{self.default}`" if self.default else "none"
        text = self.text.replace("|", "\\|")
        kind = kinds.get(self.name, "number" if self.default.isdigit() else "text")
        return f"| `{self.name}` | {default} | {kind} | {text} |"


def settings_in_the_example() -> list[Setting]:
    """In the order of the file; a comment that goes on in the next line is one text."""
    found: list[Setting] = []
    section = ""
    for line in EXAMPLE.read_text(encoding="utf-8").splitlines():
        if heading := _SECTION.fullmatch(line):
            section = heading[1]
        elif (more := _MORE.fullmatch(line)) and found:
            found[-1].text = f"{found[-1].text} {more[1]}"
        elif match := _LINE.fullmatch(line):
            found.append(_setting(section, match))
    return found


def _setting(section: str, match: re.Match[str]) -> Setting:
    """One that the example has switched off has no default; its value is an example of one."""
    text, default = match["text"] or "", match["default"].strip()
    return (
        Setting(section, match["name"], default, text)
        if not match["off"]
        else Setting(section, match["name"], "", f"such as {default}: {text}")
    )


def kinds_in_the_code() -> dict[str, str]:
    """What is read from the environment, and as what."""
    return {name: KINDS[method] for name, method, _ in _readings()}


def defaults_in_the_code() -> dict[str, str]:
    """Those that are written where the setting is read, as they would be written in the environment."""
    return {name: _written(default) for name, _, default in _readings() if default not in (None, "", [])}


def _written(default: object) -> str:
    if isinstance(default, bool):
        return str(default).lower()
    return str(int(default)) if isinstance(default, float) else str(default)


def _readings() -> Iterator[tuple[str, str, object]]:
    """Name, method and default of each `env.int("NAME", 4)`; of `env.str("NAME", "") or "x"` the x."""
    for path in sorted((ROOT / "config").glob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        fallbacks = {
            id(node.values[0]): node.values[1].value
            for node in ast.walk(tree)
            if isinstance(node, ast.BoolOp) and isinstance(node.values[1], ast.Constant)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in KINDS:
                name, *rest = node.args
                if isinstance(name, ast.Constant) and re.fullmatch(r"[A-Z][A-Z0-9_]+", str(name.value)):
                    given = ast.literal_eval(rest[0]) if rest else None
                    yield str(name.value), node.func.attr, fallbacks.get(id(node)) or given
