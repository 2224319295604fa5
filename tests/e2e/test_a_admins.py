"""An admin's day: a list filled from a file, a digest set up, looked at, tried, sent, held and let go."""

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.people import BAD, GOOD, TWICE, write_people
from tests.fake_relay import DROP, FakeRelay

OpenPage = Callable[..., Page]
pytestmark = pytest.mark.timeout(300)


def test_a_list_is_filled_from_a_file_that_was_looked_at_first(open_page: OpenPage, tmp_path: Path):
    page = open_page("/admin/mailer/recipientlist/add/")
    page.get_by_label("Name", exact=False).first.press_sequentially("Town news")
    page.get_by_role("button", name="Save and continue editing").click()
    page.get_by_role("link", name="Import recipients").click()
    page.set_input_files("input[type=file]", write_people(tmp_path / "people.csv"))
    page.get_by_role("button", name="Look at it").click()
    expect(page.get_by_label("Full name")).to_have_value("name")

    page.get_by_role("button", name="Check the file").click()
    expect(page.get_by_role("heading", name="What would happen")).to_be_visible(timeout=60_000)
    counts = _counts(page)
    assert (counts["new"], counts["twice in the file"], counts["not usable"]) == (GOOD, TWICE, BAD)
    with page.expect_download() as waiting:
        page.get_by_role("link", name=re.compile(r"Download (all|the)? ?\d+")).click()
    assert "two@@example.org" in waiting.value.path().read_text(encoding="utf-8-sig")

    page.get_by_role("button", name="Import onto Town news").click()
    page.reload()
    expect(page.get_by_role("heading", name="What happened")).to_be_visible(timeout=60_000)
    assert _counts(page)["onto the list"] == GOOD
    page.get_by_role("link", name="Town news", exact=True).first.click()
    expect(page.get_by_role("link", name=f"{GOOD:,} Active")).to_be_visible()


def test_a_digest_is_set_up_looked_at_and_tried(open_page: OpenPage, relay: FakeRelay):
    page = open_page("/admin/mailer/recipientlist/")
    page.get_by_role("link", name="Town news").click()
    page.get_by_role("link", name="Add a digest").click()
    page.get_by_label("Name", exact=False).first.press_sequentially("Town digest")
    page.get_by_role("combobox", name="Template").click()
    page.get_by_role("option", name="Digest").first.click()
    page.get_by_label("Saturday").uncheck()
    page.get_by_label("Sunday").uncheck()
    page.get_by_role("button", name="Save and continue editing").click()
    expect(page.get_by_text("Goes Monday to Friday at 15:00 UTC")).to_be_visible()
    expect(page.get_by_text(f"{GOOD:,} people").first).to_be_visible()

    page.locator(".post-quick").get_by_label("Title").fill("The bridge is open again")
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_label("As", exact=True).fill("reader1@example.com")
    page.get_by_role("button", name="Show", exact=True).click()
    mail = page.frame_locator("iframe[title='The mail']")
    page.get_by_title("The mail", exact=True).scroll_into_view_if_needed()
    expect(mail.get_by_role("heading", name="The bridge is open again")).to_be_visible()

    page.get_by_role("button", name="Send me a test").click()
    test = _await_mail(relay, "admin@example.com")
    assert b"Subject: [Test]" in test


def test_a_digest_is_sent_after_a_second_look_held_and_let_go(open_page: OpenPage, relay: FakeRelay):
    relay.answer("RCPT", "554 5.7.1 Not today", to="reader30@example.org")
    relay.answer("DOT", DROP, to="reader60@example.org")
    relay.rules.append(_slow)
    page = open_page("/admin/mailer/digest/")
    page.get_by_role("link", name="Town digest").click()
    page.get_by_role("link", name=re.compile("Send now")).click()
    send = page.get_by_role("button", name=re.compile("Send now to"))
    send.click()
    expect(send).to_be_visible()
    page.get_by_label(re.compile("Type how many")).fill(str(GOOD))
    send.click()
    page.wait_for_url(re.compile(r"/admin/mailer/mailing/\d+/change/"))
    sent = page.locator(".post-legend a").filter(has_text="sent").first
    expect(sent).to_contain_text(re.compile(r"[1-9]"), timeout=60_000)

    page.get_by_role("button", name="Pause", exact=True).click()
    expect(page.get_by_role("button", name="Resume")).to_be_visible()
    held = _settled(relay)
    assert held < GOOD
    page.get_by_role("button", name="Resume").click()
    relay.rules.remove(_slow)
    expect(page.get_by_text(f"planned {GOOD:,} = sent {GOOD - 2:,} + failed 1 + uncertain 1")).to_be_visible(
        timeout=120_000
    )
    to_list = [mail.recipient for mail in relay.received if mail.recipient.startswith("reader")]
    assert len(to_list) == len(set(to_list)) == GOOD - 1


def _slow(step: str, who: str) -> str | None:
    if step == "DOT":
        time.sleep(0.02)
    return None


def _settled(relay: FakeRelay) -> int:
    """How many mails the server has got once no more come."""
    before = -1
    while before != len(relay.received):
        before = len(relay.received)
        time.sleep(3)
    return before


def _counts(page: Page) -> dict[str, int]:
    """The import's table: what, and how many."""
    rows = (
        page.locator("section, .post-card")
        .filter(has_text=re.compile("What (would happen|happened)"))
        .locator("tbody tr")
    )
    cells = [row.locator("td, th").all_inner_texts() for row in rows.all()]
    return {what: int(count.replace(",", "")) for count, what, *_ in cells}


def _await_mail(relay: FakeRelay, to: str) -> bytes:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        for mail in relay.received:
            if mail.recipient == to:
                return mail.message
        time.sleep(0.2)
    raise AssertionError(f"no mail to {to}")
