"""The examples of the client's page, run."""

import ast
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from pytest_django.live_server_helper import LiveServer

import afternoon_post
from mailer.models import DigestItem, Mailing, Subscription
from tests.api.conftest import make_key
from tests.build import make_list, make_notification_template

ROOT = Path(afternoon_post.__file__).resolve().parents[3]
PAGES = (ROOT / "clients" / "python" / "README.md", ROOT / "docs" / "api.md")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_example_does_what_it_says(live_server: LiveServer, page: Path, capsys: pytest.CaptureFixture[str]):
    make_list("news")
    make_notification_template()
    example = re.search(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    assert example is not None
    here = example[1].replace("https://post.example.org", live_server.url).replace("ap_…", make_key())
    known: dict[str, Any] = {}
    exec(here, known)  # noqa: S102 - it is what people copy
    assert DigestItem.objects.get().external_id == "a-17"
    if page.name == "README.md":
        assert (Subscription.objects.count(), Mailing.objects.get().has_attachments) == (1, True)
        assert capsys.readouterr().out.split("\n")[0] == "queued"


def test_the_client_needs_nothing_but_the_standard_library():
    for path in (ROOT / "clients" / "python" / "afternoon_post").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert {name.partition(".")[0] for name in names} <= {*sys.stdlib_module_names, "afternoon_post"}
