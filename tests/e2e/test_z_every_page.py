"""Every page that a link of the admin leads to: no serious fault for people with a disability, and nothing sticks out."""

from collections import deque
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Error, Page

from tests.browser import DESK, PHONE

#: How many addresses with the same shape (numbers and filters apart) are visited.
_EACH = 1
_SERIOUS = {"serious", "critical"}


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("viewport", "scheme"), [(DESK, "light"), (PHONE, "dark")], ids=["desk", "phone in the dark"])
def test_no_page_has_a_serious_fault(open_page: Callable[..., Page], viewport: dict[str, int], scheme: str):
    page = open_page("/admin/", viewport, scheme)
    faults: list[str] = []
    for address in _walk(page):
        faults += [f"{address}: {fault}" for fault in _faults(page)]
    assert not faults, "\n".join(faults)


def _walk(page: Page):
    """Visit each shape of address once, beginning where the page is."""
    waiting, seen = deque(["/admin/"]), {"/admin/"}
    while waiting:
        address = waiting.popleft()
        try:
            answer = page.goto(address)
        except Error as error:
            assert "Download is starting" in error.message, error
            continue
        assert answer is not None
        assert answer.status == 200, f"{address} answered {answer.status}"
        if "text/html" not in (answer.headers.get("content-type") or ""):
            continue
        yield address
        links = page.eval_on_selector_all("a[href]", "all => all.map(a => a.href)")
        for link in links:
            parts = urlsplit(link)
            shape = "".join("#" if sign.isdigit() else sign for sign in parts.path)
            wanted = parts.path.startswith("/admin/") and "logout" not in parts.path and "export" not in parts.path
            if wanted and parts.netloc == urlsplit(page.url).netloc and shape not in seen:
                seen.add(shape)
                waiting.append(parts.path + (f"?{parts.query}" if parts.query else ""))


def _faults(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    told = [
        f"{fault['id']} ({fault['help']}): {fault['nodes'][0]['html'][:160]}"
        for fault in found
        if fault["impact"] in _SERIOUS
    ]
    wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return [*told, f"the page is {wider} px wider than the screen"] if wider > 0 else told
