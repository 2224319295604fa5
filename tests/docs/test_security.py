"""docs/security.md names tests that there are."""

import ast
import re
from functools import cache

from tests.docs.settings_table import ROOT

PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")


def test_every_test_that_the_page_names_is_there():
    named = set(re.findall(r"`([\w/]+\.py)::(test_\w+)`", PAGE))
    assert named
    missing = {f"{file}::{name}" for file, name in named if name not in names_in(file)}
    assert missing == set()


def test_every_line_of_the_tables_names_a_test():
    rows = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith("| Threat")]
    assert rows
    assert [row for row in rows if "::test_" not in row] == []


@cache
def names_in(file: str) -> set[str]:
    path = ROOT / "tests" / file
    if not path.exists():
        return set()
    return {
        node.name for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.FunctionDef)
    }
