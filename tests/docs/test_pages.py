"""Examples in the documents can be read by what they are for, and links lead somewhere."""

import ast
import csv
import json
import re
import subprocess

import pytest
import yaml

from tests.docs.pages import PAGES, ROOT, Block, blocks, is_command
from tests.docs.settings_table import settings_in_the_example

BLOCKS = list(blocks())
_LINK = re.compile(r"\]\(([^)#\s]+)?(#[^)\s]+)?\)")
#: Blocks without a language that are neither commands nor settings, by their first line: pictures, Postfix, a script.
OTHERS = (" beat, at the digest's time", "# main.cf", "# master.cf", "#!/bin/sh")


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: f"{block.page}: {block.lines[0][:30]}")
def test_an_example_can_be_read(block: Block):
    if block.language == "python":
        ast.parse(block.text)
    elif block.language == "json":
        assert [json.loads(each) for each in json_texts(block)]
    elif block.language == "yaml":
        assert isinstance(yaml.safe_load(block.text), dict)
    elif block.language == "csv":
        rows = list(csv.reader(block.lines))
        assert {len(row) for row in rows} == {len(rows[0])}
    elif block.text.startswith("#!/bin/sh"):
        subprocess.run(["/bin/sh", "-n"], input=block.text, text=True, check=True)
    else:
        assert block.language in ("", "sh", "console"), "say in this test how it is read"
        assert is_known(block)


def json_texts(block: Block) -> list[str]:
    return [block.text] if block.lines[0] in ("{", "[") else block.lines


def is_known(block: Block) -> bool:
    """Commands and settings; or what a command prints, below it; or one of the others."""
    if block.lines[0].startswith(("$ ", *OTHERS)) or block.language == "sh":
        return True
    settings = {each.name for each in settings_in_the_example()}
    return all(is_command(line) or line.partition("=")[0] in settings for line in block.lines)


@pytest.mark.parametrize("page", [*PAGES, ROOT / "docs" / "reference.md"], ids=lambda page: page.name)
def test_a_link_leads_somewhere(page):
    for path, anchor in _LINK.findall(page.read_text(encoding="utf-8")):
        if path.startswith(("http://", "https://")):
            continue
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), path
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target.read_text(encoding="utf-8")), f"{path}{anchor}"


def anchors(text: str) -> set[str]:
    """As GitHub makes them of headings."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {"#" + re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_document_is_named_on_the_way_in():
    way_in = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    pages = {page.name for page in (ROOT / "docs").glob("*.md")} - {"README.md"}
    assert {name for name in pages if f"({name})" not in way_in} == set()
