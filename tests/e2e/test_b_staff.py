"""Staff's day: the mails that failed or are uncertain, who decides about them, and what one mail's story says."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.fake_relay import FakeRelay

OpenPage = Callable[..., Page]
pytestmark = pytest.mark.timeout(300)


def test_only_the_failed_mails_are_retried(open_page: OpenPage, relay: FakeRelay):
    relay.rules.clear()
    before = len(relay.received)
    page = open_page("/admin/mailer/mailing/")
    page.get_by_role("link", name=re.compile("Town digest")).first.click()
    page.get_by_role("link", name="failed 1").click()
    page.get_by_role("link", name="reader30@example.org").click()
    expect(page.get_by_text("554 5.7.1 Not today").first).to_be_visible()
    page.go_back()
    page.get_by_label("Choose the mail to reader30@example.org").check()
    page.get_by_role("button", name="Retry failed").click()
    expect(page.get_by_text("1 mail would be tried again")).to_be_visible()
    page.get_by_role("button", name="Retry: 1 mail").click()
    expect(page.get_by_text("No mail in the log is like that").first).to_be_visible()
    assert [mail.recipient for mail in relay.received[before:]] == ["reader30@example.org"]


def test_an_uncertain_mail_is_decided_by_somebody_and_says_by_whom(open_page: OpenPage, relay: FakeRelay):
    page = open_page("/admin/mailer/delivery/")
    page.get_by_text("Narrow the log").click()
    page.get_by_label("State").select_option("uncertain")
    page.get_by_role("button", name="Show", exact=True).click()
    page.get_by_role("link", name="reader60@example.org").click()
    page.get_by_role("link", name="Let be…").click()
    page.get_by_role("button", name="Let be").click()
    expect(page.get_by_role("listitem").filter(has_text="admin: let be")).to_be_visible()
    # The mail server took it before it hung up, and was not given it again.
    assert [mail.recipient for mail in relay.received].count("reader60@example.org") == 1


def test_a_mail_is_looked_at_as_it_was_sent(open_page: OpenPage):
    page = open_page("/admin/mailer/mailing/")
    page.get_by_role("link", name=re.compile("Town digest")).first.click()
    page.get_by_label("The mail to").fill("reader30@example.org")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.get_by_text("here they do nothing")).to_be_visible()
    frame = page.frame_locator("iframe").first
    link = frame.get_by_role("link", name="Unsubscribe")
    expect(link).to_have_attribute("href", re.compile("/u/not-shown-here$"))
    link.click()
    expect(link).to_be_visible()
