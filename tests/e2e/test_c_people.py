"""Somebody rings: who they are, why they got no mail, what is done about it, and that they are forgotten if they ask."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser import PHONE

OpenPage = Callable[..., Page]
pytestmark = pytest.mark.timeout(300)


def test_a_person_is_found_and_suppressed_and_that_is_lifted_again(open_page: OpenPage):
    page = _find(open_page, " READER90@Example.org ")
    expect(page.get_by_text("Gets the mail of 1 list.")).to_be_visible()
    page.get_by_text("Suppress…").click()
    page.get_by_label("Why; it stays on record").fill("asked by phone")
    page.get_by_role("button", name="Send nothing there any more").click()
    expect(page.get_by_text("Nothing goes to this address: suppressed by staff")).to_be_visible()
    page.get_by_text("Lift…").click()
    page.get_by_label("Why; it stays on record").fill("rang again")
    page.get_by_role("button", name="Let mail go there again").click()
    expect(page.get_by_text(re.compile("lifted by admin: rang again"))).to_be_visible()


def test_why_a_digest_did_not_come_is_one_sentence(open_page: OpenPage):
    page = _find(open_page, "reader60@example.org")
    page.get_by_role("button", name="Why?").click()
    expect(page.get_by_text("nobody can say").first).to_be_visible()
    page = open_page("/admin/mailer/recipient/why/", PHONE, "dark")
    page.get_by_label("Address").fill("two@nowhere.example")
    page.get_by_label("Digest").select_option("Town digest")
    page.get_by_role("button", name="Why?").click()
    expect(page.get_by_text("Nobody here has the address two@nowhere.example")).to_be_visible()


def test_a_person_takes_their_data_along_and_is_erased_after_a_second_look(open_page: OpenPage):
    page = _find(open_page, "reader93@example.org")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Export all that is stored as JSON").click()
    assert "reader93@example.org" in waiting.value.path().read_text(encoding="utf-8")
    page.get_by_role("link", name="Erase…").click()
    page.get_by_label(re.compile("It can't be undone")).check()
    page.get_by_role("button", name="Erase for good").click()
    expect(page.get_by_text("The person is erased").first).to_be_visible()
    page.get_by_label(re.compile("^Address, its beginning")).fill("reader93@example.org")
    page.get_by_role("button", name="Find", exact=True).click()
    expect(page.get_by_text("The person who had it was erased on")).to_be_visible()


def _find(open_page: OpenPage, typed: str) -> Page:
    page = open_page("/admin/")
    page.get_by_label(re.compile("^Address, its beginning")).fill(typed)
    page.get_by_role("button", name="Find", exact=True).click()
    return page
