"""The shape of the code: layers, sizes, names. What this file says is in CONTRIBUTING too."""

import ast
import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MODULES = sorted(
    path for folder in ("mailer", "config") for path in (ROOT / folder).rglob("*.py") if "migrations" not in path.parts
)
FLOOR = {
    "models": 0,
    "audience": 1, "templating": 1, "outside": 1,
    "scheduling": 2, "sending": 2, "feedback": 2, "insight": 2, "webhooks": 2,
    "waking": 3, "tasks": 3,
    "admin": 4, "api": 4, "web": 4, "management": 4, "notify": 4, "backend": 4, "receivers": 4, "lookout": 4, "sources": 4, "apps": 4, "checks": 4,
}  # fmt: skip
SIDE_BY_SIDE = {1, 2}
FORBIDDEN_NAMES = ("util", "helper", "common", "manager", "handler", "process", "misc", "constants")
Function = ast.FunctionDef | ast.AsyncFunctionDef


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def functions(path: Path) -> Iterator[Function]:
    return (node for node in ast.walk(tree_of(path)) if isinstance(node, Function))


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def part_of(module: str) -> str:
    """`mailer.sending.batch` → `sending`."""
    names = module.split(".")
    return names[1] if names[0] == "mailer" and len(names) > 1 else ""


def part_of_file(path: Path) -> str:
    return part_of(".".join(path.relative_to(ROOT).with_suffix("").parts))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_layer_imports_only_from_below_and_no_neighbour(path: Path):
    here = part_of_file(path)
    if here not in FLOOR:
        return
    for module in imported(path):
        there = part_of(module)
        if there == here or there not in FLOOR:
            continue
        assert FLOOR[there] <= FLOOR[here], f"{here} imports {module} from above"
        assert FLOOR[there] < FLOOR[here] or FLOOR[here] not in SIDE_BY_SIDE, f"{here} imports its neighbour {module}"


def test_settings_are_read_through_django_only():
    allowed = {"config.environment.Relay", "config.environment.Mailbox"}
    for path in MODULES:
        if path.is_relative_to(ROOT / "mailer"):
            assert [module for module in imported(path) if module.startswith("config") and module not in allowed] == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_is_small_and_says_what_it_is_for(path: Path):
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= 250
    assert ast.get_docstring(tree_of(path)), "the module has no docstring"
    assert not any(word in path.stem for word in FORBIDDEN_NAMES)
    assert "TODO" not in text
    assert "FIXME" not in text


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_function_is_short_annotated_and_imports_nothing(path: Path):
    for function in functions(path):
        where = f"{path.name}:{function.lineno} {function.name}"
        arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
        named = [argument for argument in arguments if argument.arg not in ("self", "cls")]
        assert (function.end_lineno or 0) - function.lineno < 40, f"{where} is over 40 lines"
        assert function.returns is not None, f"{where} does not say what it returns"
        assert all(argument.annotation for argument in named), f"{where} has an argument without a type"
        assert len(named) <= 5 or where.endswith("notify_user"), f"{where} has more than five parameters"
        inner = [node for node in ast.walk(function) if isinstance(node, ast.Import | ast.ImportFrom)]
        assert not inner, f"{where} imports inside"


def test_a_typical_function_is_at_most_eight_lines():
    lengths = [(function.end_lineno or 0) - function.lineno + 1 for path in MODULES for function in functions(path)]
    assert statistics.median(lengths) <= 8


def test_nothing_swallows_every_exception_but_where_other_apps_code_is_called():
    # A source may raise anything, and the digest is to go out all the same; what it raised is logged and told.
    for path in set(MODULES) - {ROOT / "mailer" / "scheduling" / "sourcing.py"}:
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.ExceptHandler):
                caught = ast.unparse(node.type) if node.type else "everything"
                assert caught not in ("everything", "Exception", "BaseException"), f"{path.name}:{node.lineno}"
