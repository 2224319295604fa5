"""One service for all stories, which build on each other in the order of the files, and one browser."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.browser import DESK, find_chromium, started_chromium
from tests.e2e.service import Service
from tests.fake_relay import FakeRelay


@pytest.fixture(scope="session")
def relay() -> Iterator[FakeRelay]:
    with FakeRelay() as server:
        yield server


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory, relay: FakeRelay) -> Iterator[Service]:
    with Service(tmp_path_factory.mktemp("var"), relay) as running:
        yield running


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if not find_chromium():
        pytest.skip("no Chromium is installed")
    with started_chromium() as chromium:
        yield chromium


@pytest.fixture(scope="session")
def signed_in(browser: Browser, service: Service, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The admin's cookies, from a login through the form."""
    kept = tmp_path_factory.mktemp("session") / "admin.json"
    page = browser.new_page()
    page.goto(f"{service.url}/admin/")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill(service.password)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"{service.url}/admin/")
    page.context.storage_state(path=kept)
    page.close()
    return kept


@pytest.fixture
def open_page(browser: Browser, service: Service, signed_in: Path) -> Iterator[Callable[..., Page]]:
    """Opens a page of the admin as its superuser; `width` and `colour_scheme` as wanted."""
    contexts: list[BrowserContext] = []

    def open_it(address: str, viewport: dict[str, int] = DESK, colour_scheme: str = "light") -> Page:
        context = browser.new_context(
            base_url=service.url, storage_state=signed_in, viewport=viewport, color_scheme=colour_scheme
        )
        context.set_default_timeout(15_000)
        contexts.append(context)
        page = context.new_page()
        answer = page.goto(address)
        assert answer is not None
        assert answer.status == 200, f"{address} answered {answer.status}"
        return page

    yield open_it
    for context in contexts:
        context.close()
