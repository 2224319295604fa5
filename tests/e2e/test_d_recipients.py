"""Somebody on a telephone, without script: signs up, confirms, chooses, leaves, and is forgotten."""

import re
import time
from collections.abc import Iterator
from email import message_from_bytes, policy

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import PHONE
from tests.e2e.service import Service
from tests.e2e.test_z_every_page import _faults
from tests.fake_relay import FakeRelay

pytestmark = pytest.mark.timeout(300)
ADDRESS = "ida.phone@example.org"
MAKE_LIST = (
    "from mailer.models import RecipientList; "
    "RecipientList.objects.get_or_create(slug='harbour', name='Harbour Post', is_public=True, "
    "description='What is new at the harbour.')"
)


@pytest.fixture
def phone(browser: Browser, service: Service) -> Iterator[Page]:
    context = browser.new_context(base_url=service.url, viewport=PHONE, java_script_enabled=False)
    context.set_default_timeout(15_000)
    yield context.new_page()
    context.close()


@pytest.fixture
def look(browser: Browser, service: Service) -> Iterator[Page]:
    """The same pages with script, which axe needs."""
    context = browser.new_context(base_url=service.url, viewport=PHONE, color_scheme="dark")
    yield context.new_page()
    context.close()


def test_a_person_comes_and_goes_by_themselves(phone: Page, look: Page, service: Service, relay: FakeRelay):
    service.manage("shell", "-c", MAKE_LIST)
    phone.goto("/s/harbour")
    phone.get_by_label("Your mail address").fill(ADDRESS)
    phone.get_by_role("button", name="Send it to me").click()
    expect(phone.get_by_role("heading", name="Look into your mailbox.")).to_be_visible()
    said = _mail(relay)
    confirm, preferences = _path("c", said), _path("p", said)
    phone.goto(confirm)
    phone.get_by_role("button", name="Yes, send it to me").click()
    expect(phone.get_by_role("heading", name="You are on the list.")).to_be_visible()
    phone.get_by_role("link", name="Choose what you get").click()
    phone.get_by_role("group", name="Harbour Post").get_by_label("Once a week").check()
    phone.get_by_label("Time zone").select_option("Europe/Berlin")
    phone.get_by_role("button", name="Save").click()
    expect(phone.get_by_text("Saved.")).to_be_visible()
    expect(phone.get_by_role("group", name="Harbour Post").get_by_label("Once a week")).to_be_checked()
    with phone.expect_download() as waiting:
        phone.get_by_role("button", name="Download all of it").click()
    assert ADDRESS in waiting.value.path().read_text(encoding="utf-8")
    assert not _all_faults(
        look, [preferences, f"{preferences}/erase", confirm, "/s/harbour", "/s/harbour/form", "/u/x"]
    )
    phone.goto(preferences)
    phone.get_by_role("link", name=re.compile("Erase all about me")).click()
    phone.get_by_label(re.compile("I mean it")).check()
    phone.get_by_role("button", name="Erase all about me").click()
    expect(phone.get_by_role("heading", name="All about you is erased.")).to_be_visible()
    answer = phone.goto(preferences)
    assert answer is not None
    assert answer.status == 404


def _mail(relay: FakeRelay) -> str:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        found = [mail for mail in relay.received if mail.recipient == ADDRESS]
        if found:
            text = message_from_bytes(found[0].message, policy=policy.SMTP).get_body(("plain",))
            return str(text.get_content()) if text else ""
        time.sleep(0.2)
    raise AssertionError("the confirmation mail did not come")


def _path(purpose: str, mail: str) -> str:
    found = re.search(rf"https?://\S+?(/{purpose}/[\w-]+)", mail)
    assert found, mail
    return found[1]


def _all_faults(page: Page, addresses: list[str]) -> list[str]:
    faults = []
    for address in addresses:
        page.goto(address)
        faults += [f"{address}: {fault}" for fault in _faults(page)]
    return faults
